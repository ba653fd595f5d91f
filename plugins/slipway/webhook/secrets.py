"""Reads the secrets that may sign a delivery, in the API server.

Those of a repository or an owner are where ``webhook_secrets`` of ``apps.yaml`` says. Those of the
installation are in the extra field ``webhook_secrets`` of the connection ``slipway_github``, or else in the
environment variable ``SLIPWAY_WEBHOOK_SECRET``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from airflow.exceptions import AirflowNotFoundException

from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import INSTALLATION, SecretSource
from slipway.webhook.secret import KnownSecrets, WebhookSecret, read_secrets

log = logging.getLogger(__name__)

FIELD = "webhook_secrets"
VARIABLE = "SLIPWAY_WEBHOOK_SECRET"
KEPT_SECONDS = 15.0
RETRIED_SECONDS = 1.0
"""For a source without secrets, or that could not be read."""
OLD_SECONDS = 60.0
FOR_GIT = "slipway_github"
"""The type of connection whose password signs no delivery."""

Secrets = tuple[WebhookSecret, ...]


class ServerSecrets:
    """The secrets as Airflow's secrets backends have them; each source is asked again every few seconds.

    Hundreds of sources take most of a second to read. One request reads those that are due; the others use
    what was known, unless that is too old.
    """

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._known: dict[SecretSource, tuple[float, Secrets | None]] = {}

    def __call__(self, sources: Iterable[SecretSource]) -> KnownSecrets:
        """Return the secrets of ``sources``. Blocks."""
        wanted = list(sources)
        if any(map(self._is_due, wanted)) and self._reading.acquire(blocking=any(map(self._is_old, wanted))):
            try:
                for source in filter(self._is_due, wanted):
                    self._known[source] = (time.monotonic(), _read(source))
            finally:
                self._reading.release()
        return {source: self._known[source][1] for source in wanted}

    def _is_due(self, source: SecretSource) -> bool:
        read_at, secrets = self._known.get(source, (-inf, None))
        return time.monotonic() - read_at > (KEPT_SECONDS if secrets else RETRIED_SECONDS)

    def _is_old(self, source: SecretSource) -> bool:
        """Say whether a source has to be read before anything is decided."""
        read_at, _ = self._known.get(source, (-inf, None))
        return time.monotonic() - read_at > OLD_SECONDS


def choose(extra: Mapping[str, Any], environment: Mapping[str, str]) -> Secrets:
    """Return the installation's secrets, from its connection's ``extra`` or else the environment.

    :raises SlipwayError: when they break a rule.
    """
    return read_secrets(extra.get(FIELD)) or read_secrets(environment.get(VARIABLE))


def _read(source: SecretSource) -> Secrets | None:
    try:
        if source == INSTALLATION:
            return choose(_extra(source.connection), os.environ)
        if secrets := read_secrets(_value(source)):
            return secrets
        log.error("%s holds no webhook secret: set its `%s`, or its password", source, FIELD)
    except AirflowNotFoundException:
        log.error("%s, which `webhook_secrets` of apps.yaml names, does not exist. Create it", source)
    except SlipwayError as error:
        log.error("%s: the webhook secrets %s", source, error)
    return None


def _extra(connection: str | None) -> Mapping[str, Any]:
    try:
        extra: Mapping[str, Any] = _connection(connection).extra_dejson
    except AirflowNotFoundException:
        return {}
    return extra


def _value(source: SecretSource) -> Any:
    if source.variable:
        from airflow.models.variable import Variable

        if (value := Variable.get(source.variable, default_var=None)) is None:
            raise AirflowNotFoundException(str(source))
        return value
    connection = _connection(source.connection)
    password = None if connection.conn_type == FOR_GIT else connection.password
    return connection.extra_dejson.get(FIELD) or password


def _connection(name: str | None) -> Any:
    from airflow.models.connection import Connection

    return Connection.get_connection_from_secrets(str(name))
