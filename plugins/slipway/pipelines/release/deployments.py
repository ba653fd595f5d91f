"""Reads deployments from Airflow's asset events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from slipway.config import load_apps
from slipway.flow.apps import Apps
from slipway.flow.deployment import Deployment

log = logging.getLogger(__name__)

PAGE = 500
MOST = 20_000
"""Deployments of all applications that are looked through."""


def deployments(events: Any, most: float = MOST) -> Iterator[Deployment]:
    """Yield deployments, newest first, a page at a time; each under the present name of its repository.

    :param events: Airflow's accessor of the asset events of ``DEPLOYMENT``, an inlet of the task.
    :param most: how many are looked through, of all applications.
    """
    seen, moment, apps = set[int](), None, load_apps()
    while len(seen) < most:
        query = events.ascending(False).limit(PAGE)
        page = list(query.before(moment) if moment else query)
        fresh = [event for event in page if event.id not in seen]
        for event in fresh:
            if (deployment := _read(event)) is not None:
                yield _renamed(deployment, apps)
        if not fresh:
            return
        seen.update(event.id for event in fresh)
        moment = fresh[-1].timestamp.isoformat()


def _renamed(deployment: Deployment, apps: Apps) -> Deployment:
    push = deployment.push
    if (name := apps.present_name(push.repository)) == push.repository:
        return deployment
    return deployment.model_copy(update={"push": push.model_copy(update={"repository": name})})


def _read(event: Any) -> Deployment | None:
    try:
        return Deployment.from_json(event.extra)
    except ValidationError:
        log.warning("asset event %s is not a deployment of this version of Slipway; skipped", event.id)
        return None
