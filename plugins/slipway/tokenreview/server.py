"""The application as Airflow's API server runs it: connection ``slipway_keystone`` says where Keystone is."""

from __future__ import annotations

import anyio.to_thread
from fastapi import FastAPI

from slipway.flow.record import SlipwayError
from slipway.openstack.keystone.validation import TokenValidation
from slipway.tokenreview.app import create_app
from slipway.tokenreview.authenticator import Authenticator

CONNECTION = "slipway_keystone"


def make() -> FastAPI:
    """Return the application."""
    return create_app(_Configured().authenticator)


class _Configured:
    """Reads the connection at the first review, and at the next one again as long as there is none."""

    def __init__(self) -> None:
        self._made: Authenticator | None = None

    async def authenticator(self) -> Authenticator:
        if self._made is None:
            url, certificate = await anyio.to_thread.run_sync(_address)
            self._made = self._made or Authenticator(TokenValidation(url, certificate).validate)
        return self._made


def _address() -> tuple[str, str | None]:
    from airflow.exceptions import AirflowNotFoundException
    from airflow.models.connection import Connection

    try:
        found = Connection.get_connection_from_secrets(CONNECTION)
    except AirflowNotFoundException:
        found = None
    if found is None or not found.host:
        raise SlipwayError(f"there is no connection {CONNECTION} with Keystone's address as host. Create it")
    return found.host, found.extra_dejson.get("ca_certificate") or None
