"""The machine on which a bench ran."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def name_processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (named := re.search(r"model name\s*: (.+)", cpuinfo.read_text(encoding="utf-8"))):
        return named[1]
    return platform.processor() or platform.machine()
