"""What Airflow loads of Slipway: routes under ``/slipway`` (webhook sensor, token webhook) and listeners.

Every component of Airflow imports this file, most of them without ever serving a request: the routes and
what they need are imported at the first one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from slipway.listeners import components, runs, tasks

Application = Callable[..., Awaitable[None]]


@cache
def _application() -> Application:
    from slipway.apiserver.server import make

    return make()


@cache
def _tokenreview() -> Application:
    from slipway.tokenreview.server import make

    return make()


async def serve_tokenreview(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Hand a request of kube-apiserver's to the token webhook."""
    await _tokenreview()(scope, receive, send)


async def serve(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Hand a request to the routes (https://asgi.readthedocs.io/en/latest/specs/main.html)."""
    await _application()(scope, receive, send)


class SlipwayPlugin(AirflowPlugin):  # type: ignore[misc]
    """Slipway's routes in Airflow's API server, and what listens to its components, runs and tasks."""

    name = "slipway"
    fastapi_apps = [
        # The longer address first: the first that matches is asked.
        {"app": serve_tokenreview, "url_prefix": "/slipway/keystone", "name": "Slipway token review"},
        {"app": serve, "url_prefix": "/slipway", "name": "Slipway webhooks"},
    ]
    listeners = [components, runs, tasks]
