"""Logs in to Airflow: a token goes with every request.

https://airflow.apache.org/docs/apache-airflow/stable/security/api.html
"""

from __future__ import annotations

from collections.abc import Generator

import httpx

from slipway.cli.answers import AirflowError, ForbiddenError, object_of
from slipway.cli.settings import Login


class TokenAuth(httpx.Auth):
    """Gets a token with the first request, and a new one when Airflow says that it has expired."""

    requires_response_body = True

    def __init__(self, login: Login) -> None:
        self._login = login
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send ``request`` with a bearer token, at most twice."""
        for fresh in (not self._token, True):
            if fresh:
                self._token = _token((yield self._token_request(request)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return

    def _token_request(self, request: httpx.Request) -> httpx.Request:
        credentials = {"username": self._login.user, "password": self._login.password}
        # The client's timeouts travel in a request's extensions.
        return httpx.Request(
            "POST", f"{self._login.url}/auth/token", json=credentials, extensions=request.extensions
        )


def _token(response: httpx.Response) -> str:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise ForbiddenError("Airflow refuses this login. Check AIRFLOW_USER and AIRFLOW_PASSWORD.")
    token = object_of(response).get("access_token")
    if not isinstance(token, str):
        raise AirflowError(
            f"{response.url} gave no token. Check that AIRFLOW_URL is an Airflow 3 API server."
        )
    return token
