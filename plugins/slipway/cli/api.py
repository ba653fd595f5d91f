"""Airflow's public REST API, as far as ``slipway`` uses it, and Slipway's routes beside it.

https://airflow.apache.org/docs/apache-airflow/3.3.2/stable-rest-api-ref.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Self
from urllib.parse import quote

import httpx

from slipway.cli.answers import AirflowError, AwayError, Json, list_of, object_of
from slipway.cli.auth import TokenAuth as TokenAuth
from slipway.cli.settings import Login

Query = dict[str, str | int]

PAGE, FEW = 100, 10
DIRECT = {"all://127.0.0.1": None, "all://localhost": None}
"""``mounts`` of a client: this machine is never reached through the environment's proxy."""

TRIES, PAUSE_SECONDS = 3, 0.3
ROLES = "/auth/fab/v1/roles"
"""https://airflow.apache.org/docs/apache-airflow-providers-fab/stable/api-ref/fab-public-api-ref.html"""

FREEZES = "/slipway/freezes"
"""Slipway's own, in the same API server: slipway.apiserver.freeze_routes."""


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
        self,
        dag_id: str,
        partition_key_part: str = "",
        limit: int = PAGE,
        offset: int = 0,
        *,
        id_prefix: str = "",
        since: str = "",
    ) -> list[Json]:
        """Return the newest runs of ``dag_id`` first.

        :param partition_key_part: only runs whose key contains it; ``%`` and ``_`` are wildcards
            for the server, so the caller compares what comes back.
        :param id_prefix: only runs whose id begins so. With it, or with ``since``, the server reads an
            index, and not all runs.
        :param since: not before this moment.
        """
        query: Query = {"order_by": "-run_after", "limit": limit, "offset": offset}
        if partition_key_part:
            query["partition_key_pattern"] = f"%{partition_key_part}%"
        query |= {"run_id_prefix_pattern": id_prefix} if id_prefix else {}
        query |= {"run_after_gte": since} if since else {}
        answer = self._get(f"/dags/{quote(dag_id)}/dagRuns", query, absent=no_dag(self.url, dag_id))
        return list_of(answer, "dag_runs")

    def get_list(
        self, path: str, query: Query, items: str, absent: str = "", tries: int = TRIES
    ) -> tuple[list[Json], int]:
        """Return a page of a list, and how many lines the whole list has.

        :param items: under which name the answer has them.
        :param absent: what to say when there is no such path.
        :param tries: how often to ask while the server fails.
        """
        answer = self._get(path, query, absent, tries)
        return list_of(answer, items), int(answer.get("total_entries") or 0)

    def iterate_runs(
        self,
        dag_id: str,
        partition_key_part: str = "",
        most: int = 1000,
        *,
        id_prefix: str = "",
        since: str = "",
    ) -> Iterator[Json]:
        """Yield the ``most`` newest runs of ``dag_id``, as :meth:`get_runs` does; a few at first."""
        for offset in (0, *range(FEW, most, PAGE)):
            limit = PAGE if offset else FEW
            page = self.get_runs(dag_id, partition_key_part, limit, offset, id_prefix=id_prefix, since=since)
            yield from page
            if len(page) < limit:
                return

    def get_tasks(self, dag_id: str, run_id: str) -> list[Json]:
        """Return the task instances of one run."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return list_of(self._get(path, {"limit": PAGE}), "task_instances")

    def list_tasks(self, runs: Collection[tuple[str, str]], states: Sequence[str]) -> list[Json]:
        """Return the task instances of these runs that are in one of these states.

        :param runs: id of the DAG and of the run. Tasks of a run of another DAG with that id may be among
            what comes back.
        """
        path, found = "/dags/~/dagRuns/~/taskInstances/list", list[Json]()
        dag_ids, run_ids = sorted({dag_id for dag_id, _ in runs}), sorted({run_id for _, run_id in runs})
        body: Json = {"dag_ids": dag_ids, "dag_run_ids": run_ids, "state": list(states), "page_limit": PAGE}
        while True:
            page = list_of(self._send("POST", path, body | {"page_offset": len(found)}), "task_instances")
            found += page
            if len(page) < PAGE:
                return found

    def get_run_events(self, dag_id: str, run_id: str, name_part: str = "", since: str = "") -> list[Json]:
        """Return the asset events that one run made, oldest first.

        :param name_part: of assets whose name contains it.
        :param since: not before this moment. With both, the server reads an index, and not all events.
        """
        query: Query = {"source_dag_id": dag_id, "source_run_id": run_id, "order_by": "timestamp"}
        query |= {"name_pattern": name_part} if name_part else {}
        query |= {"timestamp_gte": since} if since else {}
        return list_of(self._get("/assets/events", query | {"limit": PAGE}), "asset_events")

    def iterate_events(
        self, asset: str, dag_id: str = "", most: int = 1000, since: str = ""
    ) -> Iterator[Json]:
        """Yield the ``most`` newest events of the asset named ``asset``, newest first.

        :param dag_id: only those that runs of this DAG made.
        :param since: not before this moment.
        """
        for offset in range(0, most, PAGE):
            query: Query = {"name_pattern": asset, "order_by": "-timestamp", "limit": PAGE, "offset": offset}
            if dag_id:
                query["source_dag_id"] = dag_id
            query |= {"timestamp_gte": since} if since else {}
            page = list_of(self._get("/assets/events", query), "asset_events")
            yield from (event for event in page if event.get("name") == asset)
            if len(page) < PAGE:
                return

    def get_log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[Any]:
        """Return one try's log: structured messages (``event``, ``error_detail`` ...), or plain lines."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances/{quote(task_id)}"
        return list(self._get(f"{path}/logs/{try_number}", {"full_content": "true"}).get("content", []))

    def get_dag(self, dag_id: str) -> Json:
        """Return what Airflow knows of a DAG (``is_paused`` ...)."""
        return self._get(f"/dags/{quote(dag_id)}", {}, absent=no_dag(self.url, dag_id))

    def find_run(self, dag_id: str, run_id: str) -> Json | None:
        """Return one run, or None."""
        return self._find(f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}")

    def find_xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task of a run returned, or None while there is nothing."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances/{quote(task_id)}"
        found = self._find(f"{path}/xcomEntries/return_value", {"deserialize": "false", "stringify": "false"})
        return None if found is None else found.get("value")

    def create_run(self, dag_id: str, run_id: str, conf: Json, note: str) -> Json:
        """Start a run, and return it.

        :raises TakenError: when the DAG has a run of this id.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf, "note": note}
        return self._send("POST", f"/dags/{quote(dag_id)}/dagRuns", body)

    def find_role(self, name: str) -> Json | None:
        """Return a role of the FAB auth manager with its ``actions``, or None."""
        return self._find(f"{self.url}{ROLES}/{quote(name, safe='')}")

    def create_role(self, name: str, actions: Sequence[Json]) -> Json:
        """Make a role."""
        return self._send("POST", f"{self.url}{ROLES}", {"name": name, "actions": list(actions)})

    def update_role(self, name: str, actions: Sequence[Json]) -> Json:
        """Give a role exactly these permissions."""
        body = {"name": name, "actions": list(actions)}
        return self._send("PATCH", f"{self.url}{ROLES}/{quote(name, safe='')}", body)

    def get_freezes(self) -> Json:
        """Return what holds releases now."""
        return self._get(f"{self.url}{FREEZES}", {}, absent=no_freezes(self.url))

    def create_freeze(self, wanted: Json) -> Json:
        """Freeze an environment, and return the freeze."""
        return self._send("POST", f"{self.url}{FREEZES}", wanted)

    def end_freezes(self, environment: str, repository: str = "") -> list[Json]:
        """End the freezes of an environment, or of one application in it, and return them."""
        query = {"environment": environment} | ({"repository": repository} if repository else {})
        url = f"{self.url}{FREEZES}"
        ended = object_of(self._answer(lambda: self._client.delete(url, params=query)))
        return list_of(ended, "freezes")

    def let_through(self, wanted: Json) -> Json:
        """Let a commit through, and return on which terms."""
        return self._send("POST", f"{self.url}{FREEZES}/let", wanted)

    def _find(self, path: str, query: Query | None = None) -> Json | None:
        response = self._answer(lambda: self._ask(path, query or {}))
        return None if response.status_code == httpx.codes.NOT_FOUND else object_of(response)

    def _get(self, path: str, query: Query, absent: str = "", tries: int = TRIES) -> Json:
        response = self._answer(lambda: self._ask(path, query, tries))
        if absent and response.status_code == httpx.codes.NOT_FOUND:
            raise AirflowError(absent)
        return object_of(response)

    def _send(self, method: str, path: str, body: Json) -> Json:
        return object_of(self._answer(lambda: self._client.request(method, path, json=body)))

    def _answer(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return ask()
        except httpx.TransportError as error:
            raise AwayError(
                f"no answer from Airflow at {self.url} ({error}). "
                "Check AIRFLOW_URL; for the lab: `make lab-status`."
            ) from error

    def _ask(self, path: str, query: Query, tries: int = TRIES) -> httpx.Response:
        """Ask again a few times where the server itself fails.

        Airflow 3.3.2 cannot list an asset event while a run that it started is queued: it answers 500
        until that run has a start date (``DagRunAssetReference.start_date``).
        """
        for _ in range(tries - 1):
            response = self._client.get(path, params=query)
            if not response.is_server_error:
                return response
            time.sleep(PAUSE_SECONDS)
        return self._client.get(path, params=query)


def no_dag(url: str, dag_id: str) -> str:
    """Return what to say when Airflow has no such DAG."""
    return (
        f"Airflow at {url} has no DAG {dag_id!r}. Check that Slipway's dags/ is in its DAGs folder, that "
        "the DAG processor has read it (up to a minute after the start), and that the UI shows no import "
        "errors."
    )


def no_freezes(url: str) -> str:
    """Return what to say when the API server has no route for freezes."""
    return (
        f"the API server at {url} has no {FREEZES}. Check that it runs this version of Slipway, and see its "
        "log for the plugin's errors."
    )
