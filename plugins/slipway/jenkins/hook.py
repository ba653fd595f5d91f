"""Jenkins' login."""

from __future__ import annotations

from typing import Any

import jenkins
from airflow.sdk import BaseHook

from slipway.jenkins.errors import JenkinsError
from slipway.jenkins.server import JenkinsServer

TIMEOUT_SECONDS = 30


class JenkinsHook(BaseHook):  # type: ignore[misc]
    """Reads connection ``slipway_jenkins``: URL, user, API token (or password, with crumbs).

    Extra: ``ca_certificate``, the path of the authorities' certificates on the workers, and ``notifies``,
    true when builds tell Slipway's webhook that they have ended.
    """

    conn_name_attr = "jenkins_conn_id"
    default_conn_name = "slipway_jenkins"
    conn_type = "slipway_jenkins"
    hook_name = "Slipway: Jenkins"

    def __init__(self, jenkins_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jenkins_conn_id = jenkins_conn_id

    def get_conn(self) -> JenkinsServer:
        """Return Jenkins with its login, every request of it with a timeout.

        :raises JenkinsError: when the connection lacks a field.
        """
        return self.connect(self.get_connection(self.jenkins_conn_id))

    def connect(self, connection: Any) -> JenkinsServer:
        """Return the same of an Airflow connection that was read already, as in the triggerer's event loop.

        :raises JenkinsError: when the connection lacks a field.
        """
        host = connection.host or ""
        if not host.startswith(("http://", "https://")) or not (connection.login and connection.password):
            raise JenkinsError(
                f"connection {self.jenkins_conn_id} needs Jenkins' address as host (https://...), "
                "a user as login and the user's API token as password"
            )
        client = jenkins.Jenkins(host, connection.login, connection.password, timeout=TIMEOUT_SECONDS)
        extra = connection.extra_dejson
        if authority := extra.get("ca_certificate"):
            # python-jenkins has no argument for it.
            client._session.verify = authority
        return JenkinsServer(client, notifies=extra.get("notifies") in (True, "true", "True"))

    def test_connection(self) -> tuple[bool, str]:
        """Try the login (the button of the connection's form)."""
        try:
            version = self.get_conn().version()
        except Exception as error:
            return False, str(error)
        return True, f"logged in to Jenkins {version}"
