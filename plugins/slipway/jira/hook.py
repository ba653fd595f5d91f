"""The client of connection ``slipway_jira``, of the atlassian-jira provider's type."""

from __future__ import annotations

from urllib.parse import urlsplit

from atlassian import Jira

CONNECTION = "slipway_jira"
TIMEOUT_SECONDS = 20
CLOUD = ".atlassian.net"


def get_client(connection: str = CONNECTION) -> Jira:
    """Return the client that the provider's hook makes.

    The hook takes no timeout (the client's own is 75 s), and does not say that a Jira is a Cloud one, which
    is searched by another address.

    :raises AirflowNotFoundException: when there is no such connection.
    """
    from airflow.providers.atlassian.jira.hooks.jira import JiraHook

    client: Jira = JiraHook(jira_conn_id=connection).get_conn()
    client.timeout = TIMEOUT_SECONDS
    client.cloud = (urlsplit(client.url).hostname or "").endswith(CLOUD)
    return client
