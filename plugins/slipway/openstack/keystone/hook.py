"""The login that reads Keystone as a whole.

https://docs.openstack.org/keystone/latest/admin/service-api-protection.html
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from openstack.connection import Connection

from slipway.openstack.client import client, require
from slipway.openstack.keystone.reader import read_directory

TIMEOUT_SECONDS = 120
"""A list of all role assignments takes Keystone its time."""
_LOGIN = "Keystone's address as host, and a user with the role reader on the system as login and password"


class KeystoneHook(BaseHook):  # type: ignore[misc]
    """Reads connection ``slipway_keystone``.

    Host: Keystone's address; login and password: a user with the role ``reader`` on the system. Extra:
    ``user_domain`` (``Default``); ``project`` and ``project_domain`` for a login by the role ``admin`` in a
    project instead, which quotas need; ``region``; ``ca_certificate``, a path on the workers.
    """

    conn_name_attr = "keystone_conn_id"
    default_conn_name = "slipway_keystone"
    conn_type = "slipway_keystone"
    hook_name = "Slipway: Keystone"

    def __init__(self, keystone_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keystone_conn_id = keystone_conn_id

    def get_conn(self) -> Connection:
        """Return a connection that logs in when it is first used, every request of it with a timeout.

        :raises OpenstackError: when the connection lacks a field.
        """
        connection = self.get_connection(self.keystone_conn_id)
        extra = connection.extra_dejson
        auth = {"auth_url": connection.host, "username": connection.login, "password": connection.password}
        require(self.keystone_conn_id, auth, _LOGIN)
        auth["user_domain_name"] = extra.get("user_domain") or "Default"
        if project := extra.get("project"):
            auth |= {"project_name": project, "project_domain_name": extra.get("project_domain") or "Default"}
        else:
            auth["system_scope"] = "all"
        return client("v3password", auth, extra, TIMEOUT_SECONDS)

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the login reads Keystone (the button of the connection's form)."""
        try:
            with self.get_conn() as cloud:
                found = read_directory(cloud.session, cloud.auth["auth_url"])
        except Exception as error:
            return False, str(error)
        return True, f"{len(found.projects)} projects and {len(found.users)} users read"
