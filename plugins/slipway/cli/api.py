"""Airflow's public REST API, as far as ``slipway`` reads it. Nothing is written.

https://airflow.apache.org/docs/apache-airflow/3.3.2/stable-rest-api-ref.html
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any, Self
from urllib.parse import quote

import httpx

from slipway.cli.settings import Login
from slipway.flow.record import SlipwayError

Json = dict[str, Any]
Query = dict[str, str | int]

PAGE = 100
DIRECT = {"all://127.0.0.1": None, "all://localhost": None}
"""``mounts`` of a client: this machine is never reached through the environment's proxy."""

TRIES, PAUSE_SECONDS = 3, 0.3

_SHOWN = 300  # characters of a foreign answer that an error repeats


class AirflowError(SlipwayError):
    """Airflow did not answer what was asked."""


class ServerError(AirflowError):
    """Airflow itself failed (5xx), several times."""


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
        raise AirflowError("Airflow refuses this login. Check AIRFLOW_USER and AIRFLOW_PASSWORD.")
    token = _object(response).get("access_token")
    if not isinstance(token, str):
        raise AirflowError(
            f"{response.url} gave no token. Check that AIRFLOW_URL is an Airflow 3 API server."
        )
    return token


class Airflow:
    """One API server."""

    def __init__(self, login: Login) -> None:
        self.url = login.url
        self._client = httpx.Client(
            base_url=f"{login.url}/api/v2",
            auth=TokenAuth(login),
            timeout=httpx.Timeout(20, connect=5),
            mounts=DIRECT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def get_runs(
        self, dag_id: str, partition_key_part: str = "", limit: int = PAGE, offset: int = 0
    ) -> list[Json]:
        """Return the newest runs of ``dag_id`` first.

        :param partition_key_part: only runs whose key contains it; ``%`` and ``_`` are wildcards
            for the server, so the caller compares what comes back.
        """
        query: Query = {"order_by": "-run_after", "limit": limit, "offset": offset}
        if partition_key_part:
            query["partition_key_pattern"] = f"%{partition_key_part}%"
        answer = self._get(f"/dags/{quote(dag_id)}/dagRuns", query, absent=_no_dag(self.url, dag_id))
        return _list(answer, "dag_runs")

    def iterate_runs(self, dag_id: str, partition_key_part: str = "", most: int = 1000) -> Iterator[Json]:
        """Yield the ``most`` newest runs of ``dag_id``, as :meth:`get_runs` does."""
        for offset in range(0, most, PAGE):
            page = self.get_runs(dag_id, partition_key_part, offset=offset)
            yield from page
            if len(page) < PAGE:
                return

    def get_tasks(self, dag_id: str, run_id: str) -> list[Json]:
        """Return the task instances of one run."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return _list(self._get(path, {"limit": PAGE}), "task_instances")

    def get_triggering_events(self, dag_id: str, run_id: str) -> list[Json]:
        """Return the asset events that one run was created from."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/upstreamAssetEvents"
        return _list(self._get(path, {}), "asset_events")

    def get_run_events(self, dag_id: str, run_id: str) -> list[Json]:
        """Return the asset events that one run made."""
        query: Query = {"source_dag_id": dag_id, "source_run_id": run_id, "limit": PAGE}
        return _list(self._get("/assets/events", query), "asset_events")

    def iterate_events(self, asset: str, dag_id: str = "", most: int = 1000) -> Iterator[Json]:
        """Yield the ``most`` newest events of the asset named ``asset``, newest first.

        :param dag_id: only those that runs of this DAG made.
        """
        for offset in range(0, most, PAGE):
            query: Query = {"name_pattern": asset, "order_by": "-timestamp", "limit": PAGE, "offset": offset}
            if dag_id:
                query["source_dag_id"] = dag_id
            page = _list(self._get("/assets/events", query), "asset_events")
            yield from (event for event in page if event.get("name") == asset)
            if len(page) < PAGE:
                return

    def get_log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[Any]:
        """Return one try's log: structured messages (``event``, ``error_detail`` ...), or plain lines."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances/{quote(task_id)}"
        return list(self._get(f"{path}/logs/{try_number}", {"full_content": "true"}).get("content", []))

    def _get(self, path: str, query: Query, absent: str = "") -> Json:
        try:
            response = self._ask(path, query)
        except httpx.TransportError as error:
            raise AirflowError(
                f"no answer from Airflow at {self.url} ({error}). "
                "Check AIRFLOW_URL; for the lab: `make lab-status`."
            ) from error
        if absent and response.status_code == httpx.codes.NOT_FOUND:
            raise AirflowError(absent)
        return _object(response)

    def _ask(self, path: str, query: Query) -> httpx.Response:
        """Ask again a few times where the server itself fails.

        Airflow 3.3.2 cannot list an asset event while a run that it started is queued: it answers 500
        until that run has a start date (``DagRunAssetReference.start_date``).
        """
        for _ in range(TRIES - 1):
            response = self._client.get(path, params=query)
            if not response.is_server_error:
                return response
            time.sleep(PAUSE_SECONDS)
        return self._client.get(path, params=query)


def _no_dag(url: str, dag_id: str) -> str:
    return (
        f"Airflow at {url} has no DAG {dag_id!r}. Is Slipway's dags/ in its DAGs folder, has the DAG "
        "processor read it (a minute after the start), and without import errors (the UI shows them)?"
    )


def _object(response: httpx.Response) -> Json:
    if response.is_error:
        kind = ServerError if response.is_server_error else AirflowError
        raise kind(
            f"Airflow answered {response.status_code} to {response.url.path}: {response.text[:_SHOWN]}. "
            "If it stays, the API server's log says why."
        )
    try:
        value = response.json()
    except ValueError as error:
        raise AirflowError(
            f"{response.url} is not JSON. Check that AIRFLOW_URL is an Airflow 3 API server."
        ) from error
    if not isinstance(value, dict):
        raise AirflowError(f"{response.url} is not a JSON object. Check AIRFLOW_URL.")
    return value


def _list(answer: Json, key: str) -> list[Json]:
    found = answer.get(key)
    if not isinstance(found, list):
        raise AirflowError(f"Airflow's answer has no list {key!r}. Slipway needs Airflow 3.3's REST API.")
    return found
