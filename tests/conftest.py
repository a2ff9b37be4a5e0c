"""Hypothesis: no deadlines, for machines are shared and noisy; in CI the same examples each time. And what tests of several
folders are given."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from torture.harness import Nursery, build_faults

settings.register_profile("ours", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "ours")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Commands run in forks, with faults and clocks of a test's own: by a preloaded C library."""
    library = build_faults(tmp_path_factory.mktemp("faults"))
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    nursery = Nursery(library)
    yield nursery
    nursery.close()
