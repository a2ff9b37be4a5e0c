"""The files of deploy/ are what systemd and cron take, and name commands and options that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archiver.commands import main

DEPLOY = Path(__file__).parent.parent / "deploy"
BIN = Path(sys.executable).parent
UNITS = ("archiver-crawl.service", "archiver-crawl.timer", "archiver-failed@.service")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        text = (DEPLOY / name).read_text().replace("/opt/policy-archiver/.venv/bin", str(BIN))
        (tmp_path / name.replace("@", "@night")).write_text(text)
    units = [str(path) for path in tmp_path.iterdir()]
    ran = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    broken = tmp_path / "archiver-crawl.service"
    broken.write_text(broken.read_text().replace("KillMode=mixed", "KillMode=none-such"))
    ran = subprocess.run(["systemd-analyze", "verify", broken], capture_output=True, text=True, check=False, timeout=60)
    assert "kill mode" in ran.stderr


def commands() -> list[str]:
    texts = [(DEPLOY / name).read_text() for name in (*UNITS, "crontab")]
    found = [
        each for text in texts for each in re.findall(r"^[^#\n]*?\.venv/bin/archiver ([^>|;\n]+)", text, re.MULTILINE)
    ]
    return [*found, *re.findall(r"\|\| \.venv/bin/archiver ([^>|;\n]+)", (DEPLOY / "crontab").read_text())]


def test_every_command_of_the_files_is_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(commands()) >= 5
    for command in commands():
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        for option in re.findall(r"(?<= )(--?[a-z][a-z-]*)", f" {command}"):
            assert option in told, command


def test_the_crontab_has_five_fields_and_a_command() -> None:
    jobs = [line for line in (DEPLOY / "crontab").read_text().splitlines() if re.match(r"[\d*]", line)]
    assert len(jobs) == 2
    for job in jobs:
        fields = job.split(None, 5)
        assert all(re.fullmatch(r"\*|\d{1,2}", field) for field in fields[:5])
        assert "%" not in fields[5]  # cron ends the line there
        checked = subprocess.run(["sh", "-n", "-c", fields[5]], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(not shutil.which("flock"), reason="there is no flock here")
def test_a_second_crawl_beside_one_that_runs_ends_with_6(tmp_path: Path) -> None:
    service = (DEPLOY / "archiver-crawl.service").read_text()
    (start,) = re.findall(r"^ExecStart=(/usr/bin/flock .*?) /run/", service, re.MULTILINE)
    words = [shutil.which("flock") or "", *start.split()[1:], str(tmp_path / "lock")]
    with subprocess.Popen([*words, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdin
        assert first.stdout
        first.stdin.write(b"held\n")
        first.stdin.flush()
        assert first.stdout.readline() == b"held\n"
        assert subprocess.run([*words, "true"], check=False).returncode == 6
        first.stdin.close()
    assert subprocess.run([*words, "true"], check=False).returncode == 0
