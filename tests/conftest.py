"""Hypothesis: no deadlines, for machines are shared and noisy; in CI the same examples each time."""

import os

from hypothesis import settings

settings.register_profile("ours", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "ours")
