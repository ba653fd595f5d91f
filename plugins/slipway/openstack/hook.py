"""The cloud's login.

https://docs.openstack.org/keystone/latest/user/application_credentials.html
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from keystoneauth1.identity import BaseIdentityPlugin
from openstack.connection import Connection

from slipway.openstack.client import client, require

TIMEOUT_SECONDS = 60
_LOGIN = "Keystone's address as host, and an application credential's id and secret as login and password"


class OpenstackHook(BaseHook):  # type: ignore[misc]
    """Reads connection ``slipway_openstack``.

    Host: Keystone's address; login and password: an application credential's id and secret. Extra:
    ``region``, and ``ca_certificate``, the path of the authorities' certificates on the workers.
    """

    conn_name_attr = "openstack_conn_id"
    default_conn_name = "slipway_openstack"
    conn_type = "slipway_openstack"
    hook_name = "Slipway: OpenStack"

    def __init__(self, openstack_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.openstack_conn_id = openstack_conn_id

    def get_conn(self) -> Connection:
        """Return a connection that logs in when it is first used, every request of it with a timeout.

        https://docs.openstack.org/openstacksdk/latest/user/connection.html

        :raises OpenstackError: when the connection lacks a field.
        """
        return self.connect(self.get_connection(self.openstack_conn_id))

    def connect(self, connection: Any) -> Connection:
        """Return the same of an Airflow connection that was read already, as in the triggerer's event loop.

        :raises OpenstackError: when the connection lacks a field.
        """
        auth = {
            "auth_url": connection.host,
            "application_credential_id": connection.login,
            "application_credential_secret": connection.password,
        }
        require(self.openstack_conn_id, auth, _LOGIN)
        return client("v3applicationcredential", auth, connection.extra_dejson, TIMEOUT_SECONDS)

    def test_connection(self) -> tuple[bool, str]:
        """Try the login, and name its project (the button of the connection's form)."""
        try:
            with self.get_conn() as cloud:
                auth = cloud.session.auth
                assert isinstance(auth, BaseIdentityPlugin)
                project = auth.get_access(cloud.session).project_name
        except Exception as error:
            return False, str(error)
        return True, f"logged in to Keystone, for project {project}"
