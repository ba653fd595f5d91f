"""The image registry's login."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook

from slipway.artifactory.catalogue import Catalogue


class ArtifactoryHook(BaseHook):  # type: ignore[misc]
    """Reads connection ``slipway_artifactory``: URL (up to ``/artifactory``), user, password or token."""

    conn_name_attr = "artifactory_conn_id"
    default_conn_name = "slipway_artifactory"
    conn_type = "slipway_artifactory"
    hook_name = "Slipway: Artifactory"

    def __init__(self, artifactory_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.artifactory_conn_id = artifactory_conn_id

    def get_conn(self) -> Catalogue:
        """Return Artifactory with its login and the keys of its repositories."""
        connection = self.get_connection(self.artifactory_conn_id)
        extra = connection.extra_dejson
        return Catalogue(
            url=(connection.host or "").rstrip("/"),
            login=connection.login or "",
            password=connection.password or "",
            docker=extra.get("docker_repository") or "docker-local",
            docker_remote=extra.get("docker_remote_repository") or "docker-remote",
            generic=extra.get("generic_repository") or "generic-local",
        )

    def test_connection(self) -> tuple[bool, str]:
        """Try the login (the button of the connection's form)."""
        try:
            version = self.get_conn().version()
        except Exception as error:
            return False, str(error)
        return True, f"logged in to Artifactory {version}"
