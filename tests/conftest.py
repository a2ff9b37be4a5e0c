"""Hypothesis: no deadlines, for machines are shared and noisy; the same examples each time, but with `--examples`. And what
tests of several folders are given."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import is_hypothesis_test, settings
from torture.harness import Nursery, build_faults

settings.register_profile("ours", deadline=None, derandomize=True)
settings.load_profile("ours")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples", type=int, metavar="N", help="try N times as many examples of each property, at random"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Once a property has failed, a run must fail until that is mended; to find out more is the work of `make torture`."""
    if times := config.getoption("--examples"):
        tests = {item.function for item in items if isinstance(item, pytest.Function)}
        for test in tests:
            if is_hypothesis_test(test):
                known: settings = test._hypothesis_internal_use_settings
                test._hypothesis_internal_use_settings = settings(
                    known, max_examples=known.max_examples * times, derandomize=False
                )


@pytest.fixture(autouse=True)
def _no_settings_of_another_test() -> Iterator[None]:
    """A command that is called in the process chooses settings for all processes that come after it."""
    before = os.environ.get("SCRAPY_SETTINGS_MODULE")
    yield
    os.environ.pop("SCRAPY_SETTINGS_MODULE", None)
    if before is not None:
        os.environ["SCRAPY_SETTINGS_MODULE"] = before


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Commands run in forks, with faults and clocks of a test's own: by a preloaded C library."""
    library = build_faults(tmp_path_factory.mktemp("faults"))
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    nursery = Nursery(library)
    yield nursery
    nursery.close()
