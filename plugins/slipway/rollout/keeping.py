"""Keeps a release on its platforms: on all of them, or on none."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from slipway.flow.deployment import Deployment
from slipway.flow.plans import ReleasePlan
from slipway.flow.platforms import Platform
from slipway.flow.record import SlipwayError
from slipway.flow.release import ReleaseRow, table
from slipway.rollout.side import Side

log = logging.getLogger(__name__)


def keep(sides: Mapping[Platform, Side[ReleasePlan]], run: str) -> list[Deployment]:
    """Keep what ``run`` rolled out, then remove what the previous versions needed.

    Nothing is removed before every platform has kept: until then each can go back.

    :param sides: of the release's plans, by platform.
    :raises SupersededError: when a newer push took a platform.
    """
    before = {name: side.before(run) for name, side in sides.items()}
    kept = [side.keep(run) for side in sides.values()]
    for name, side in sides.items():
        _clear(side, name, run)
    rows = [
        ReleaseRow(platform=name, before=before[name], tried=tried, now=tried)
        for name, tried in ((name, side.tried()) for name, side in sides.items())
    ]
    log.info("released:\n%s", table(rows))
    _say(kept)
    return kept


def _clear(side: Side[ReleasePlan], name: str, run: str) -> None:
    try:
        side.clear(run)
    except SlipwayError as error:  # the release has succeeded: leftovers do no harm
        log.warning(
            "%s: the previous version was not removed completely: %s. The next deployment does it",
            name,
            error,
        )


def _say(kept: Sequence[Deployment]) -> None:
    for one in kept:
        log.info("%s runs %s%s", one.where, one.image.reference, f" at {one.url}" if one.url else "")
