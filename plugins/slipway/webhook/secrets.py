"""Which secrets may sign a delivery.

They are the words in the extra field ``webhook_secrets`` of the connection ``slipway_github`` (two of
them while a secret is changed), or else those of the environment variable ``SLIPWAY_WEBHOOK_SECRET``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from airflow.exceptions import AirflowNotFoundException

CONNECTION = "slipway_github"
FIELD = "webhook_secrets"
VARIABLE = "SLIPWAY_WEBHOOK_SECRET"
KEPT_SECONDS = 15.0

_lock = threading.Lock()
_known: tuple[float, list[str]] = (0.0, [])


def choose(extra: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Return the secrets that a connection's ``extra`` and the environment configure."""
    field = extra.get(FIELD)
    words = field if isinstance(field, list) else str(field or "").split()
    return [str(word) for word in words if word] or environment.get(VARIABLE, "").split()


def server_secrets() -> list[str]:
    """Return the secrets inside the API server; asked of Airflow's secrets backends every few seconds."""
    global _known
    with _lock:
        read_at, secrets = _known
        if not secrets or time.monotonic() - read_at > KEPT_SECONDS:
            secrets = choose(_server_extra(), os.environ)
            _known = (time.monotonic(), secrets)
        return secrets


def _server_extra() -> Mapping[str, Any]:
    from airflow.models.connection import Connection

    try:
        extra: Mapping[str, Any] = Connection.get_connection_from_secrets(CONNECTION).extra_dejson
    except AirflowNotFoundException:
        return {}
    return extra


async def trigger_secrets() -> list[str]:
    """Return the secrets inside the triggerer, which asks its supervisor for the connection."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException as NotFound

    try:
        extra = (await BaseHook.aget_connection(CONNECTION)).extra_dejson
    except (NotFound, AirflowNotFoundException):
        extra = {}
    return choose(extra, os.environ)
