"""One issue for an incident, whatever dies in between."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from atlassian import Jira

from lab.access import Login
from slipway.flow.audience import Tickets
from slipway.flow.ended import Account
from slipway.flow.record import SlipwayError, TransientError
from slipway.jira.hook import TIMEOUT_SECONDS, get_client
from slipway.jira.tickets import MOST_COMMENTS, Board
from slipway.jira.transitions import Way, choose
from slipway.pipelines.people import notify
from slipway.pipelines.task_endings import NothingToDo
from tests.flow.builders import NOON
from tests.flow.ends import ended

LABELS = ("slipway", "slipway-scope", "slipway-one")
PAGE = "https://airflow.example.org/dags/deploy/runs/"


@pytest.fixture
def client(jira: Login, monkeypatch: pytest.MonkeyPatch) -> Jira:
    return connected(jira, monkeypatch)


def connected(jira: Login, monkeypatch: pytest.MonkeyPatch) -> Jira:
    connection = {"conn_type": "jira", "host": jira.url, "login": jira.user, "password": jira.password}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_JIRA", json.dumps(connection))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return get_client()


def board(client: Jira, project: str = "SLIP", issue_type: str = "Bug") -> Board:
    return Board(client, Tickets(project=project, issue_type=issue_type))


def tell(on: Board, run: str, label: str = "slipway-one") -> str:
    return on.tell(label, (*LABELS[:2], label), "It fails", f"It fails. Run: {PAGE}{run}", f"{PAGE}{run}")


def issue(client: Jira, key: str) -> dict[str, Any]:
    found: Any = client.issue(key)
    return dict(found["fields"])


def comments(client: Jira, key: str) -> list[str]:
    return [comment["body"] for comment in issue(client, key)["comment"]["comments"]]


def test_the_client_waits_no_longer_than_it_may(client: Jira) -> None:
    assert client.timeout == TIMEOUT_SECONDS
    assert not client.cloud


def test_a_failure_that_lasts_is_one_issue_with_comments(client: Jira) -> None:
    on = board(client)
    key = tell(on, "1")
    assert issue(client, key)["labels"] == list(LABELS)
    assert tell(on, "2") == key
    assert tell(on, "3") == key
    assert len(comments(client, key)) == 2
    assert tell(on, "1", "slipway-other") != key


def test_a_step_that_is_done_again_does_nothing_twice(client: Jira) -> None:
    on = board(client)
    key = tell(on, "1")
    assert tell(on, "1") == tell(on, "1") == key
    assert comments(client, key) == []
    tell(on, "2")
    tell(on, "2")
    assert len(comments(client, key)) == 1
    client.issue_add_comment(key, f"It works again. Run: {PAGE}3")  # and then the task died
    assert on.close("slipway-scope", f"It works again. Run: {PAGE}3", f"{PAGE}3") == [key]
    assert len(comments(client, key)) == 2
    assert on.close("slipway-scope", "again", f"{PAGE}3") == []


def test_comments_come_to_an_end_and_the_last_word_is_said(client: Jira) -> None:
    on = board(client)
    key = tell(on, "first")
    for number in range(MOST_COMMENTS + 3):
        tell(on, str(number))
    assert len(comments(client, key)) == MOST_COMMENTS
    on.close("slipway-one", "It works again", f"{PAGE}good")
    assert comments(client, key)[-1] == "It works again"


@pytest.mark.parametrize(("project", "status"), [("SLIP", "Done"), ("OPS", "Resolved")])
def test_the_next_success_closes_it(client: Jira, project: str, status: str) -> None:
    on = board(client, project)
    key, other = tell(on, "1"), tell(on, "1", "slipway-other")
    assert sorted(on.close("slipway-scope", "It works again", f"{PAGE}2")) == sorted([key, other])
    assert issue(client, key)["status"]["name"] == status
    assert issue(client, key)["resolution"]
    assert tell(on, "3") not in (key, other), "what is over is not opened again"


def test_an_issue_that_a_person_closed_is_left_alone(client: Jira) -> None:
    on = board(client)
    key = tell(on, "1")
    client.set_issue_status(key, "Done")
    assert on.close("slipway-scope", "It works again", f"{PAGE}2") == []
    assert comments(client, key) == []


def test_what_jira_refuses_has_a_cure(client: Jira, jira: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SlipwayError, match=r"'NOPE' does not exist.*Correct `tickets` in apps\.yaml"):
        tell(board(client, "NOPE"), "1")
    with pytest.raises(SlipwayError, match="issue type selected is invalid"):
        tell(board(client, issue_type="Epic"), "1")
    wrong = connected(Login(jira.url, jira.user, "wrong"), monkeypatch)
    with pytest.raises(SlipwayError, match=r"401.*connection slipway_jira") as refused:
        tell(board(wrong), "1")
    assert not isinstance(refused.value, TransientError)


def test_a_jira_that_is_away_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransientError, match="Jira does not search in project SLIP"):
        tell(board(connected(Login("http://127.0.0.1:1", "a", "b"), monkeypatch)), "1")


def test_cloud_is_searched_as_it_wants(jira_cloud: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connected(jira_cloud, monkeypatch)
    client.cloud = True  # as for a host below atlassian.net
    on = board(client)
    key = tell(on, "1")
    assert tell(on, "2") == key
    assert on.close("slipway-one", "good", f"{PAGE}3") == [key]


class Kept(dict[str, Any]):
    """What Airflow keeps between runs."""

    set = dict.__setitem__


def told(minutes: int = 0, **more: Any) -> notify.Told:
    at = NOON + timedelta(minutes=minutes)
    return notify.Told(ended=ended(**more), at=at, account=Account(cause="rule", error="it broke"))


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "apps.yaml"
    path.write_text(
        "version: 1\napplications:\n  octo/shop:\n    tenant: shop\n"
        "    tickets: {project: OPS, issue_type: Incident}\n"
        "    environments: {production: {refs: [refs/heads/main], namespace: shop}}\n"
    )
    monkeypatch.setenv("SLIPWAY_APPS_FILE", str(path))


def test_the_task_opens_and_closes(client: Jira, apps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    notify.ticket(told(), kept)
    fields = issue(client, "OPS-1")
    assert fields["summary"] == "octo/shop (production): deployment failed: it broke"
    assert fields["issuetype"]["name"] == "Incident"
    notify.ticket(told(1, good=True, run_id="run-2", over=ended()), kept)
    assert issue(client, "OPS-1")["status"]["statusCategory"]["key"] == "done"
    assert "succeeds again" in comments(client, "OPS-1")[0]
    monkeypatch.delenv("AIRFLOW_CONN_SLIPWAY_JIRA")
    with pytest.raises(SlipwayError, match=r"there is no connection slipway_jira\. Create it"):
        notify.ticket(told(2, run_id="run-3"), kept)


def test_what_comes_late_does_not_undo_what_is_true_now(client: Jira, apps: None) -> None:
    kept = Kept()
    notify.ticket(told(1, good=True, run_id="run-2", over=ended()), kept)
    with pytest.raises(NothingToDo, match="a later run with the opposite outcome was already reported"):
        notify.ticket(told(0), kept)
    notify.ticket(told(3, run_id="run-4"), kept)
    with pytest.raises(NothingToDo, match="a later run with the opposite outcome was already reported"):
        notify.ticket(told(2, good=True, run_id="run-3", over=ended()), kept)
    notify.ticket(told(2, run_id="run-3"), kept)
    assert issue(client, "OPS-1")["status"]["statusCategory"]["key"] == "new"
    assert len(comments(client, "OPS-1")) == 1
    assert kept[ended().key]["at"] == (NOON + timedelta(minutes=3)).isoformat()


def way(key: str = "done", **fields: Any) -> dict[str, Any]:
    return {"id": "7", "name": "Close", "to": {"statusCategory": {"key": key}}, "fields": fields}


RESOLUTION = {"required": True, "allowedValues": [{"name": "Won't Fix"}, {"name": "Fixed"}]}


@pytest.mark.parametrize(
    ("shown", "chosen"),
    [
        ([], None),
        ([way("indeterminate")], None),
        ([way()], Way("7", "Close")),
        ([way(resolution=RESOLUTION)], Way("7", "Close", "Fixed")),
        ([way(resolution={**RESOLUTION, "required": False})], Way("7", "Close")),
        ([way(resolution={"required": True, "allowedValues": []})], None),
        ([way(cause={"required": True})], None),
        ([way(cause={"required": True, "hasDefaultValue": True})], Way("7", "Close")),
        ([way("new"), way(cause={"required": True}), {**way(), "id": "9"}], Way("9", "Close")),
    ],
)
def test_the_way_that_ends_an_issue_asks_for_a_resolution_at_most(shown: Any, chosen: Way | None) -> None:
    assert choose(shown) == chosen
