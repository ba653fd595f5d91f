"""Looking for stored deliveries: what a sensor's trigger asks."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from slipway.webhook.payload import pick
from slipway.webhook.search import Search, finds
from slipway.webhook.signature import sign_search
from tests.server.sender import COMMIT, KEY, SECRET, Sender, push

SINCE = datetime.now(UTC) - timedelta(hours=1)
ROUTE = "/deliveries/search"


def search(event: str = "push", since: datetime = SINCE, **match: Any) -> Search:
    return Search(
        event=event, since=since, match={path.replace("__", "."): value for path, value in match.items()}
    )


def ask(sender: Sender, asked: Search | bytes, key: str = KEY, age: int = 0) -> httpx.Response:
    body = asked if isinstance(asked, bytes) else json.dumps(asked.to_json()).encode()
    signature = sign_search(body, key, int(time.time()) - age)
    return sender.client.post(ROUTE, content=body, headers={"x-slipway-signature": signature})


def found(sender: Sender, asked: Search) -> str | None:
    response = ask(sender, asked)
    assert response.status_code == 200
    delivery = response.json()["delivery"]
    return None if delivery is None else str(delivery["delivery"])


def workflow(branch: str, conclusion: str = "success") -> dict[str, Any]:
    return {
        "action": "completed",
        "workflow_run": {
            "head_branch": branch,
            "conclusion": conclusion,
            "run_attempt": 1,
            "pull_requests": [],
        },
        "repository": {"full_name": "octo/hello"},
    }


def test_oldest_that_matches_is_found(sender: Sender) -> None:
    sender.deliver(workflow("main", "failure"), "workflow_run", x_github_delivery="w-1")
    sender.deliver(workflow("main"), "workflow_run", x_github_delivery="w-2")
    sender.deliver(workflow("main"), "workflow_run", x_github_delivery="w-3")
    assert found(sender, search("workflow_run")) == "w-1"
    wanted = search("workflow_run", workflow_run__conclusion="success", workflow_run__head_branch="main")
    assert found(sender, wanted) == "w-2"


@pytest.mark.parametrize(
    ("event", "match", "matches"),
    [
        ("push", {}, True),
        ("push", {"repository": "Octo/Hello", "ref": "refs/heads/main", "commit": COMMIT}, True),
        ("push", {"repository": "octo/other"}, False),
        ("push", {"pusher.name": "mona"}, True),
        ("push", {"pusher.name": "mallory"}, False),
        ("push", {"deleted": False}, True),
        ("push", {"deleted": 0}, False),
        ("push", {"no.such.path": None}, True),
        ("star", {}, False),
    ],
)
def test_what_matches(sender: Sender, event: str, match: dict[str, Any], matches: bool) -> None:
    sender.deliver(push(), x_github_delivery="d-1")
    assert found(sender, Search(event=event, since=SINCE, match=match)) == ("d-1" if matches else None)


def test_deliveries_before_since_do_not_count(sender: Sender) -> None:
    sender.deliver(push())
    assert found(sender, search(since=datetime.now(UTC) + timedelta(seconds=5))) is None


def test_refused_and_ignored_deliveries_are_never_found(sender: Sender) -> None:
    sender.deliver(push(), x_hub_signature_256="sha256=0")
    sender.deliver(push(ref="refs/heads/other"))
    assert found(sender, search()) is None


@pytest.mark.parametrize(("key", "age"), [("other", 0), (SECRET, 0), (KEY, 400), (KEY, -400)])
def test_search_needs_a_fresh_signature(sender: Sender, key: str, age: int) -> None:
    response = ask(sender, search(), key, age)
    assert (response.status_code, "signature wrong" in response.json()["reason"]) == (401, True)


def test_search_without_signature(sender: Sender) -> None:
    assert sender.client.post(ROUTE, content=b"{}").status_code == 401


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the body"),
        (b"[]", "the body"),
        (b'{"event": "push"}', "since"),
        (b'{"event": "push", "since": "2026-11-23T00:00:00"}', "since"),
        (b'{"event": "push", "since": "2026-11-23T00:00:00Z", "sql": "1"}', "sql"),
        (b'{"event": "push", "since": "2026-11-23T00:00:00Z", "match": {"a": {}}}', "match.a"),
    ],
)
def test_malformed_search(sender: Sender, body: bytes, told: str) -> None:
    response = ask(sender, body)
    assert response.status_code == 400
    assert told in response.json()["reason"]


@pytest.mark.parametrize(
    "asked", [search("pu\0sh"), search(repository="octo\0/hello"), search(**{"commits__0__\0": 1})]
)
def test_search_for_what_no_database_holds(sender: Sender, asked: Search) -> None:
    response = ask(sender, asked)
    assert response.status_code == 400
    assert response.json()["reason"] == "the question has errors in: a text with NUL, which no database takes"


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("2000-01-01T00:00:00+16:00", 200),
        ("2000-01-01T00:00:00-23:59", 200),
        ("0001-01-01T00:00:00+01:00", 400),
    ],
)
def test_since_in_any_time_zone(sender: Sender, since: str, status: int) -> None:
    asked = json.dumps({"event": "push", "since": since}).encode()
    assert ask(sender, asked).status_code == status


def test_search_that_is_too_large(sender: Sender) -> None:
    assert ask(sender, b" " * 65537).status_code == 413


def test_search_takes_limited_fields() -> None:
    with pytest.raises(ValidationError):
        search(**{f"field{number}": 1 for number in range(21)})


def test_paths_into_a_payload() -> None:
    payload = {"commits": [{"id": "a"}], "a": {"b": None}}
    assert pick(payload, "commits.0.id") == "a"
    for path in ("commits.1.id", "commits.-1", "commits.x", "a.b.c", "", "commits.²"):
        assert pick(payload, path) is None


def test_row_without_payload_matches_by_its_columns_only() -> None:
    row = {"payload": None, "repository": "octo/hello", "ref": "", "commit_id": "", "action": ""}
    assert finds(search(repository="octo/hello"), row)
    assert not finds(search(pusher__name="mona"), row)
