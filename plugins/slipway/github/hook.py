"""The code registry's login."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook

from slipway.github.repository import Remote


class GithubHook(BaseHook):  # type: ignore[misc]
    """Reads connection ``slipway_github``.

    Host: what ``owner/name.git`` is appended to (``https://github.com`` when it is empty); login and
    password: a user and a token that may read the repositories.
    """

    conn_name_attr = "github_conn_id"
    default_conn_name = "slipway_github"
    conn_type = "slipway_github"
    hook_name = "Slipway: code registry"

    def __init__(self, github_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.github_conn_id = github_conn_id

    def get_conn(self) -> Remote:
        """Return the registry with its login."""
        connection = self.get_connection(self.github_conn_id)
        return Remote(
            url=connection.host or "https://github.com",
            login=connection.login or "x-access-token",
            password=connection.password or "",
        )
