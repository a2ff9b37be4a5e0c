"""A process killed at the n-th change of the disk: faults inside Python and at SQLite's commits, on any system.

`tests/torture` does the same to whole commands, at every call of libc, where there is a compiler.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from typing import Any

from archiver.store import sqlite as sqlite_module
from archiver.store.seal import SealedConnection

CALLS = ("fsync", "ftruncate", "mkdir", "rename", "replace", "rmdir", "unlink")
"""Functions of `os` that change the disk, but for writing."""


class DyingLedger(SealedConnection):
    """A connection whose commits are fault points too."""

    step: Callable[[], None]

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return super().execute(sql, parameters)
        DyingLedger.step()
        cursor = super().execute(sql, parameters)
        DyingLedger.step()
        return cursor


def die_at(point: int, action: Callable[..., object], *arguments: Any) -> None:
    """Do something; kill -9 this process before or after the call that changes the disk for the `point`-th time.

    To be called in a process of its own: what it puts in the place of `os`'s functions stays.
    """
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            step()
            answer = real(*arguments, **options)
            step()
            return answer

        return call

    for name in CALLS:
        setattr(os, name, dying(getattr(os, name)))
    DyingLedger.step = staticmethod(step)
    sqlite_module.SealedConnection = DyingLedger  # type: ignore[misc]
    action(*arguments)
