"""A local server that speaks as much of Airflow 3.3.2's REST API as the command reads.

The far side of the wire for states that a real Airflow cannot be put into at will: expired tokens,
pages, failures. ``test_lab.py`` asks the real one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from slipway.cli.settings import Login
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG
from slipway.flow.followed import PUSH
from slipway.flow.record import Record

Json = dict[str, Any]
LOGIN = ("admin", "a password")


@dataclass
class AirflowApi:
    """What this Airflow holds; tests write into it."""

    dags: tuple[str, ...] = (PUSH, *BUILD_DAGS.values(), DEPLOY_DAG)
    paused: set[str] = field(default_factory=set)
    runs: list[Json] = field(default_factory=list)
    tasks: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    """By DAG and run: runs of several DAGs have one id."""
    xcoms: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """What tasks returned: by DAG, run and task."""
    events: list[Json] = field(default_factory=list)
    logs: dict[str, list[Any]] = field(default_factory=dict)
    tokens: int = 0
    asked: list[str] = field(default_factory=list)
    """Paths, with their method."""
    expired: set[str] = field(default_factory=set)
    broken: tuple[int, str] | None = None
    url: str = ""

    @property
    def login(self) -> Login:
        return Login(self.url, *LOGIN)

    def add_run(self, run: Json, *tasks: Json) -> Json:
        """Add a run with its tasks; a DAG has one run of an id."""
        name = (run["dag_id"], run["dag_run_id"])
        assert name not in self.tasks
        self.runs.append(run)
        self.tasks[name] = list(tasks)
        return run

    def add_event(self, run: Json, asset: str, record: Record, timestamp: str = "") -> None:
        self.events.append(
            {
                "id": len(self.events) + 1,
                "name": asset,
                "extra": record.to_json(),
                "source_dag_id": run["dag_id"],
                "source_run_id": run["dag_run_id"],
                "timestamp": timestamp or run["start_date"],
            }
        )

    def find(self, dag_id: str, run_id: str) -> Json | None:
        found = [run for run in self.runs if (run["dag_id"], run["dag_run_id"]) == (dag_id, run_id)]
        return found[0] if found else None

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if self.broken:
            return self.broken
        match [unquote(part) for part in path.removeprefix("/api/v2/").split("/")]:
            case ["dags", dag_id] if dag_id in self.dags:
                return 200, {"dag_id": dag_id, "is_paused": dag_id in self.paused}
            case ["dags", dag_id, "dagRuns"] if dag_id in self.dags:
                begins = query.get("run_id_prefix_pattern", "")
                found = [
                    run
                    for run in self.runs
                    if run["dag_id"] == dag_id
                    and _has_key(run, query)
                    and run["dag_run_id"].startswith(begins)
                ]
                return 200, _page("dag_runs", found, "run_after", query)
            case ["dags", dag_id, "dagRuns", run_id] if run := self.find(dag_id, run_id):
                return 200, run
            case ["dags", dag_id, "dagRuns", run_id, "taskInstances"] if self.find(dag_id, run_id):
                return 200, {"task_instances": self.tasks.get((dag_id, run_id), [])}
            case ["dags", _, "dagRuns", _, "taskInstances", task_id, "logs", _]:
                return 200, {"content": self.logs[task_id]}
            case ["dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, "xcomEntries", "return_value"]:
                if (dag_id, run_id, task_id) in self.xcoms:
                    return 200, {"key": "return_value", "value": self.xcoms[dag_id, run_id, task_id]}
            case ["assets", "events"]:
                return self._events(query)
        return 404, {"detail": "Not Found"}

    def _events(self, query: dict[str, str]) -> tuple[int, Any]:
        def wanted(event: Json) -> bool:
            sources = ("source_dag_id", "source_run_id")
            named = query.get("name_pattern", "").casefold() in event["name"].casefold()
            return named and all(event.get(name) == query[name] for name in sources if name in query)

        page = _page("asset_events", [one for one in self.events if wanted(one)], "timestamp", query)
        if any(event.get("started") == "queued" for event in page["asset_events"]):
            return 500, "Internal Server Error"  # as Airflow 3.3.2 does while a run it started is queued
        return 200, page

    def list_tasks(self, body: Json) -> tuple[int, Any]:
        """Tasks of all runs whose DAG is among the DAGs, and whose id is among the ids."""
        found = [
            task | {"dag_id": dag_id, "dag_run_id": run_id}
            for (dag_id, run_id), tasks in self.tasks.items()
            if dag_id in body["dag_ids"] and run_id in body["dag_run_ids"]
            for task in tasks
            if task["state"] in body["state"]
        ]
        offset, limit = body["page_offset"], body["page_limit"]
        return 200, {"task_instances": found[offset : offset + limit], "total_entries": len(found)}


def _has_key(run: Json, query: Mapping[str, str]) -> bool:
    """Say whether a run's key has the part: ``ILIKE``, whose ``%`` and ``_`` are wildcards."""
    if (pattern := query.get("partition_key_pattern")) is None:
        return True
    parts = ("." if one == "_" else ".*" if one == "%" else re.escape(one) for one in pattern)
    return re.search("".join(parts), run["partition_key"] or "", re.IGNORECASE) is not None


def _is_within(line: Json, moment: str, query: Mapping[str, str]) -> bool:
    def read(text: str) -> datetime:
        return datetime.fromisoformat(text)

    at = str(line[moment])
    return read(query.get(f"{moment}_gte", at)) <= read(at) <= read(query.get(f"{moment}_lte", at))


def _page(name: str, lines: list[Json], moment: str, query: Mapping[str, str]) -> Json:
    found = [line for line in lines if _is_within(line, moment, query)]
    order, offset, limit = query.get("order_by", ""), int(query.get("offset", 0)), int(query["limit"])
    assert order in (moment, f"-{moment}"), "otherwise Airflow sorts by id"
    assert limit <= 100, "Airflow gives no more"
    found.sort(key=lambda line: datetime.fromisoformat(line[moment]), reverse=order.startswith("-"))
    return {name: found[offset : offset + limit], "total_entries": len(found)}


@contextmanager
def serve(api: AirflowApi) -> Iterator[AirflowApi]:
    """Serve ``api`` on a free port of the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.asked.append(f"POST {self.path}")
            if self.path == "/api/v2/dags/~/dagRuns/~/taskInstances/list" and self._is_known():
                return self._send(*(api.broken or api.list_tasks(body)))
            if (body["username"], body["password"]) != LOGIN:
                return self._send(401, {"detail": "Invalid credentials"})
            api.tokens += 1
            return self._send(201, {"access_token": f"token-{api.tokens}"})

        def do_GET(self) -> None:
            api.asked.append(f"GET {self.path}")
            if not self._is_known():
                return self._send(401, {"detail": "Invalid JWT token"})
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            return self._send(*api.answer(split.path, query))

        def _is_known(self) -> bool:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return token.startswith("token-") and token not in api.expired

        def _send(self, status: int, value: Any) -> None:
            data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            """Say nothing: pytest shows what fails."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
