"""nginx on loopback over a folder of gzipped pages."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    types {{ text/html html; text/plain txt; }}
    default_type text/html; charset utf-8; access_log off; sendfile on; keepalive_requests 1000000; etag on;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port}; {also} root {root}; index index.html;
        location / {{ gzip_static always; gunzip on; }}
        location = / {{ return 302 /index.html; }}
        location = /robots.txt {{ gzip_static off; }}
    }}
}}
"""


PLAIN = "127.0.0.2"


def can_serve_plain() -> bool:
    """Tell whether port 80 is ours to take."""
    with socket.socket() as taken:
        try:
            taken.bind((PLAIN, 80))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(root: Path, folder: Path, port: int) -> Iterator[None]:
    """Serve `root` while the block runs; `folder` takes what nginx writes. SystemExit where there is no nginx.

    Where we may, at PLAIN too, for a peer that knows no other port than 80.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        sys.exit("nginx is needed to serve the site: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    also = f"listen {PLAIN}:80;" if can_serve_plain() else ""
    config.write_text(_CONFIG.format(folder=folder, root=root, port=port, also=also))
    with subprocess.Popen([nginx, "-c", str(config), "-e", str(folder / "error.log")]) as server:
        try:
            _await(port, server)
            yield
        finally:
            server.terminate()


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit("nginx does not answer")
