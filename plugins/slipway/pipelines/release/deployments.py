"""Reads deployments from Airflow's asset events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from slipway.flow.deployment import Deployment

log = logging.getLogger(__name__)

PAGE = 500
MOST = 20_000
"""Deployments of all applications that are looked through."""


def deployments(events: Any, most: float = MOST) -> Iterator[Deployment]:
    """Yield deployments, newest first, a page at a time.

    :param events: Airflow's accessor of the asset events of ``DEPLOYMENT``, an inlet of the task.
    :param most: how many are looked through, of all applications.
    """
    seen, moment = set[int](), None
    while len(seen) < most:
        query = events.ascending(False).limit(PAGE)
        page = list(query.before(moment) if moment else query)
        fresh = [event for event in page if event.id not in seen]
        for event in fresh:
            if (deployment := _read(event)) is not None:
                yield deployment
        if not fresh:
            return
        seen.update(event.id for event in fresh)
        moment = fresh[-1].timestamp.isoformat()


def _read(event: Any) -> Deployment | None:
    try:
        return Deployment.from_json(event.extra)
    except ValidationError:
        log.warning("asset event %s is not a deployment of this version of Slipway; skipped", event.id)
        return None
