"""What runs where: reported to the API server, which keeps it, and asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.assets import DEPLOYMENT, DEPLOYMENTS
from slipway.flow.deployment import Deployment
from slipway.flow.history import AppEnvironment, Ran


def hand_on(context: Any, kept: Sequence[Deployment]) -> None:
    """Report what runs, and make an event of asset ``slipway_deployment`` of each.

    :raises TransientError: when the API server does not answer; the next try finds the release kept.
    """
    from slipway.apiserver.client import report_released
    from slipway.config import load_apps

    if kept:
        report_released(load_apps().names_of(kept[0].push.repository), kept)
    for deployment in kept:
        context["outlet_events"][DEPLOYMENTS].add(DEPLOYMENT, extra=deployment.to_json())


def ran_in(place: AppEnvironment, commit: str = "") -> list[Ran]:
    """Return what ran in a place, the last one first; under former names of its repository, too.

    :param commit: one that is asked for by name.
    :raises TransientError: when the API server does not answer.
    """
    from slipway.apiserver.client import ask_history
    from slipway.config import load_apps

    names = load_apps().names_of(place.repository) or (place.repository,)
    return ask_history(names, place.environment, commit)
