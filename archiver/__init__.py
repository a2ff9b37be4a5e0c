"""Crawl, normalise and archive syndicated policy stories.

`archiver.load()` gives stories as a pyarrow Table, `archiver.connect()` a DuckDB connection that has them as views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archiver.loading import connect, load

__version__ = "0.1.0"
__all__ = ["__version__", "connect", "load"]


def __getattr__(name: str) -> Any:
    """Import the loaders when they are asked for: pyarrow takes longer to import than most commands run."""
    if name in ("connect", "load"):
        from archiver import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "connect", "load"]
