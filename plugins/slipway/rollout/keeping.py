"""Takes a release for good on its platforms: on all of them, or on none."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from slipway.flow.deployment import Deployment
from slipway.flow.record import SlipwayError
from slipway.flow.release import ReleaseRow, table
from slipway.rollout.side import Json, Side

log = logging.getLogger(__name__)


def keep(sides: Mapping[str, Side], plans: Mapping[str, Json], run: str) -> list[Deployment]:
    """Take what ``run`` rolled out for good, then remove what the versions before needed.

    Nothing is removed before every platform has kept: until then each can go back.

    :param sides: by platform, of those in ``plans`` at least.
    :param plans: by platform.
    :raises SupersededError: when a newer push took a platform.
    """
    before = {name: sides[name].before(plan, run) for name, plan in plans.items()}
    kept = [sides[name].keep(plan, run) for name, plan in plans.items()]
    for name, plan in plans.items():
        _clear(sides[name], name, plan, run)
    rows = [
        ReleaseRow(platform=name, before=before[name], tried=tried, now=tried)
        for name, tried in ((name, sides[name].tried(plan)) for name, plan in plans.items())
    ]
    log.info("released:\n%s", table(rows))
    _say(kept)
    return kept


def _clear(side: Side, name: str, plan: Json, run: str) -> None:
    try:
        side.clear(plan, run)
    except SlipwayError as error:  # the release is through: what is left harms nobody
        log.warning(
            "%s: something of the version before is left: %s. The next deployment removes it", name, error
        )


def _say(kept: Sequence[Deployment]) -> None:
    for one in kept:
        log.info("%s runs %s%s", one.where, one.image.reference, f" at {one.url}" if one.url else "")
