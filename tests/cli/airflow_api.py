"""A local server that speaks as much of Airflow 3.3's REST API as the command reads.

The far side of the wire for states that a real Airflow cannot be put into at will: expired tokens,
pages, failures. ``test_lab.py`` asks the real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from slipway.cli.settings import Login
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG
from slipway.flow.record import Record

Json = dict[str, Any]
LOGIN = ("admin", "a password")


@dataclass
class AirflowApi:
    """What this Airflow holds; tests write into it."""

    dags: tuple[str, ...] = (*BUILD_DAGS.values(), DEPLOY_DAG)
    runs: list[Json] = field(default_factory=list)
    tasks: dict[str, list[Json]] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    upstream: dict[str, list[Json]] = field(default_factory=dict)
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

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if self.broken:
            return self.broken
        match [unquote(part) for part in path.removeprefix("/api/v2/").split("/")]:
            case ["dags", dag_id, "dagRuns"] if dag_id in self.dags:
                part = query.get("partition_key_pattern", "").strip("%")
                found = [r for r in self.runs if r["dag_id"] == dag_id and part in (r["partition_key"] or "")]
                found.sort(key=lambda run: run["run_after"], reverse=True)
                return 200, _page("dag_runs", [r for r in found if _is_within(r, "run_after", query)], query)
            case ["dags", dag_id, "dagRuns", run_id]:
                wanted = (dag_id, run_id)
                found = [run for run in self.runs if (run["dag_id"], run["dag_run_id"]) == wanted]
                return (200, found[0]) if found else (404, "Not Found")
            case ["dags", _, "dagRuns", run_id, "taskInstances"]:
                return 200, {"task_instances": self.tasks.get(run_id, [])}
            case ["dags", _, "dagRuns", run_id, "upstreamAssetEvents"]:
                return 200, {"asset_events": self.upstream.get(run_id, [])}
            case ["dags", _, "dagRuns", _, "taskInstances", task_id, "logs", _]:
                return 200, {"content": self.logs[task_id]}
            case ["assets", "events"]:
                return self._events(query)
        return 404, "Not Found"

    def _events(self, query: dict[str, str]) -> tuple[int, Any]:
        def wanted(event: Json) -> bool:
            asked = (("source_dag_id",) * 2, ("source_run_id",) * 2, ("name_pattern", "name"))
            return all(event.get(key) == query[name] for name, key in asked if name in query)

        found = [one for one in self.events if wanted(one) and _is_within(one, "timestamp", query)]
        page = _page("asset_events", sorted(found, key=lambda e: str(e["timestamp"]), reverse=True), query)
        if any(event.get("started") == "queued" for event in page["asset_events"]):
            return 500, "Internal Server Error"  # as Airflow 3.3.2 does while a run it started is queued
        return 200, page

    def list_tasks(self, body: Json) -> tuple[int, Any]:
        runs = [
            run
            for run in self.runs
            if run["dag_id"] in body["dag_ids"] and run["dag_run_id"] in body["dag_run_ids"]
        ]
        found = [
            task | {"dag_id": run["dag_id"], "dag_run_id": run["dag_run_id"]}
            for run in runs
            for task in self.tasks.get(run["dag_run_id"], [])
            if task["state"] in body["state"]
        ]
        query = {"offset": body["page_offset"], "limit": body["page_limit"]}
        return 200, _page("task_instances", found, query)


def _is_within(line: Json, moment: str, query: dict[str, str]) -> bool:
    at = str(line[moment])
    return query.get(f"{moment}_gte", at) <= at <= query.get(f"{moment}_lte", at)


def _page(name: str, lines: list[Json], query: Mapping[str, Any]) -> Json:
    offset, limit = int(query.get("offset", 0)), int(query["limit"])
    assert limit <= 100, "Airflow gives no more"
    return {name: lines[offset : offset + limit], "total_entries": len(lines)}


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
