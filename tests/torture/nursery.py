"""Runs commands in forks of one process that has imported everything and has `faults.c` preloaded: a crawl starts in no time.

Reads one JSON object a line on standard input, answers each with the exit code and the calls counted.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import scrapy.cmdline
import scrapy.commands.crawl
import scrapy.core.downloader.handlers.http11
import scrapy.crawler

import archiver.commands
import archiver.commands.publish
import archiver.extensions
import archiver.middlewares
import archiver.pipelines
import archiver.recall
import archiver.store.raw_repair
from archiver.urls import registered_domain


def run(order: dict, faults: ctypes.CDLL) -> int:
    os.chdir(order["folder"])
    os.setsid()
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for number in (1, 2):
        os.dup2(output, number)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666) if order.get("log") else -1
    sys.path.insert(0, order["folder"])
    sys.argv = order["words"]
    faults.fault_arm(order["root"].encode(), order["how"], order["point"], order["errno"], log, order["clock_shift"])
    try:
        if order["words"][0] == "scrapy":
            scrapy.cmdline.execute(order["words"])
            return 0
        return archiver.commands.main(order["words"][1:]) or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does at its end
        traceback.print_exc()
        return 1
    finally:
        faults.fault_arm(b"", 0, 0, 0, -1, 0)
        if order.get("log"):
            Path(order["log"]).with_suffix(".modules").write_text("\n".join(sys.modules))


def warm_up(modules: Path) -> None:
    """Import what a command came to need, and make what is made once: half the CPU of a small crawl.

    Not the reactor: two processes cannot have one between them.
    """
    for name in modules.read_text().split() if modules.exists() else ():
        if name not in sys.modules and not name.startswith(("own_", "__", "twisted.internet.reactor")):
            with suppress(ImportError):
                importlib.import_module(name)
    registered_domain("https://news.example/")
    assert "twisted.internet.reactor" not in sys.modules
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page of what was imported


def main() -> None:
    faults = ctypes.CDLL(None)
    faults.fault_arm.argtypes = [
        ctypes.c_char_p, ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            code = run(order, faults)
            sys.stdout.flush()
            sys.stderr.flush()
            # Arrow's threads are not in the fork, and its library ends a process that misses them when it is unloaded.
            os._exit(code)
        _, status = os.waitpid(child, 0)
        if order.get("log"):
            warm_up(Path(order["log"]).with_suffix(".modules"))
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
