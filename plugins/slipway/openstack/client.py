"""The SDK's client for a login of an Airflow connection.

https://docs.openstack.org/openstacksdk/latest/user/connection.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openstack.connection import Connection

from slipway.openstack.errors import OpenstackError

CONNECT_RETRIES = 2


def client(auth_type: str, auth: Mapping[str, Any], extra: Mapping[str, Any], seconds: float) -> Connection:
    """Return a connection that logs in when it is first used.

    :param auth: the login, as ``auth_type`` takes it.
    :param extra: of the Airflow connection: ``region``, ``ca_certificate``.
    :param seconds: how long one request may take.
    """
    return Connection(
        auth_type=auth_type,
        auth=dict(auth),
        region_name=extra.get("region") or None,
        cacert=extra.get("ca_certificate") or None,
        api_timeout=seconds,
        connect_retries=CONNECT_RETRIES,
        app_name="slipway",
    )


def require(conn_id: str, auth: Mapping[str, Any], cure: str) -> None:
    """Refuse a login that is not complete.

    :param cure: what to give the connection.
    :raises OpenstackError: naming what is missing.
    """
    if missing := [name for name, value in auth.items() if not value]:
        raise OpenstackError(f"connection {conn_id} has no {', '.join(missing)}: give it {cure}")
