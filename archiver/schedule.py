"""When a page is to be looked at again. Pure: the clock is an argument.

The rule for stories: the longer one has been quiet, the longer it will stay so. Half of the time since it was published
or last changed may pass before the next look; up to twice that where it changes less than is usual, down to half of it
where it changes more. How often a story changes is estimated from how many looks found a change. From few looks that
cannot be told, so the site's own rate stands in at first and gives way look by look.

Cho and Garcia-Molina, "Estimating frequency of change" (ACM TOIT 3, 2003): looks see at most one change each, hence a rate
of -log(share of looks without a change), smoothed. Grimes and Ford, "Estimation of Web Page Change Rates" (2008): with the
rate of comparable pages as the prior, estimates for new pages are much better.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

SHORTEST: Final = timedelta(hours=2)
LONGEST: Final = timedelta(days=90)
"""No visit is further away, whatever the clock said when it was planned."""
LONGEST_BACKOFF: Final = timedelta(days=7)
GONE_AFTER: Final = timedelta(days=1)
"""Between the first and the last 404 of a story that counts as gone."""

USUAL_RATE: Final = 0.1
"""Share of looks that find a change, where nothing is known of the site."""
PRIOR_LOOKS: Final = 4
"""Looks' worth of trust in the site's rate."""
_AGE_SHARE: Final = 12
"""A page of which every look finds another version, a visitor counter say, is not visited for ever as if it were new."""


def next_visit(
    *,
    published_at: datetime | None,
    first_seen: datetime,
    visits: int,
    changes: int,
    last_changed: datetime | None,
    at: datetime,
    site_change_rate: float | None = None,
) -> datetime:
    """Return when a story that was looked at just now, at `at`, is to be looked at again.

    `visits` counts the first fetch, which shows no change, and the look just taken. `site_change_rate` is the share of
    the site's looks that found a change. Dates that cannot be, after `first_seen` or `at`, count as these.

    >>> from datetime import UTC
    >>> day = datetime(2026, 6, 29, tzinfo=UTC)
    >>> def wait(hours, visits, changes, changed_at=None, rate=None):
    ...     at = day + timedelta(hours=hours)
    ...     changed = None if changed_at is None else day + timedelta(hours=changed_at)
    ...     then = next_visit(published_at=day, first_seen=day, visits=visits, changes=changes, last_changed=changed, at=at,
    ...                       site_change_rate=rate)
    ...     return round((then - at) / timedelta(hours=1), 1)

    Just published; a day old; a week old; a year old:

    >>> wait(0, 1, 0), wait(24, 1, 0), wait(24 * 7, 1, 0), wait(24 * 365, 1, 0)
    (2.0, 12.0, 84.0, 2160.0)

    A week old: six looks found nothing; two of six found something, the last one four days ago, or just now:

    >>> wait(24 * 7, 7, 0), wait(24 * 7, 7, 2, 24 * 3), wait(24 * 7, 7, 2, 24 * 7)
    (168.0, 24.0, 14.0)

    Its first look, on a site that seldom changes a story, and on one that changes every third:

    >>> wait(24 * 7, 1, 0, rate=0.02), wait(24 * 7, 1, 0, rate=0.33)
    (168.0, 42.0)
    """
    born = min(first_seen, published_at or first_seen, at)
    stirred = born if last_changed is None else max(born, min(last_changed, at))
    usual = -math.log(1 - USUAL_RATE)
    factor = usual / _estimate_rate(visits - 1, changes, site_change_rate)
    interval = (at - stirred) / 2 * min(max(factor, 0.5), 2.0)
    interval = max(interval, (at - born) / _AGE_SHARE)
    return at + min(max(interval, SHORTEST), LONGEST)


def _estimate_rate(looks: int, changes: int, site_change_rate: float | None) -> float:
    """Return how many changes of a story are to be expected between two looks."""
    prior = USUAL_RATE if site_change_rate is None else min(max(site_change_rate, 0.01), 0.99)
    looks = max(looks, changes, 0)
    return -math.log(1 - (changes + PRIOR_LOOKS * prior) / (looks + PRIOR_LOOKS))


def next_try(failures: int, at: datetime) -> datetime:
    """Return when to ask again after the given number of failures in a row: an hour, two, four, …, a week.

    >>> from datetime import UTC
    >>> at = datetime(2026, 6, 29, tzinfo=UTC)
    >>> [str(next_try(failures, at) - at) for failures in (1, 2, 5, 50)]
    ['1:00:00', '2:00:00', '16:00:00', '7 days, 0:00:00']
    """
    hours = 1 << min(max(failures, 1) - 1, 10)
    return at + min(timedelta(hours=hours), LONGEST_BACKOFF)


def next_visit_to_missing(missing_since: datetime, at: datetime) -> datetime:
    """Return when to look again for a story that answered 404 or 410: after a day, then after twice as long each time.

    >>> from datetime import UTC
    >>> at = datetime(2026, 6, 29, tzinfo=UTC)
    >>> [str(next_visit_to_missing(at - timedelta(days=days), at) - at) for days in (0, 1, 5, 400)]
    ['1 day, 0:00:00', '1 day, 0:00:00', '5 days, 0:00:00', '90 days, 0:00:00']
    """
    return at + min(max(at - missing_since, GONE_AFTER), LONGEST)
