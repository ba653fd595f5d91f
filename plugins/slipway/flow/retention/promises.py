"""The releases that must stay restorable: the last good ones of each environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from slipway.flow.apps import Apps
from slipway.flow.history import AppEnvironment, Past, reachable

Promises = Mapping[tuple[str, str], str]
"""Why a commit's images are kept, by repository (in lower case) and commit."""


def promises(history: Mapping[AppEnvironment, Sequence[Past]], apps: Apps, now: datetime) -> Promises:
    """Return which commits an application's environments may need.

    :param history: what ran where, newest first; of repositories in lower case.
    """
    found: dict[tuple[str, str], str] = {}
    for place, past in history.items():
        if (application := apps.find(place.repository)) is None:
            continue
        policy = application.retention_of(place.environment)
        last = reachable(past, policy.good)
        since = now - timedelta(days=policy.days)
        for one in [*last, *(one for one in past if one.since > since)]:
            last_ones = f"one of the last {policy.good} releases of {place.environment}"
            recent = f"released {one.since:%Y-%m-%d} in {place.environment}"
            key = place.repository.casefold(), one.push.commit
            found.setdefault(key, last_ones if one in last else recent)
    return found
