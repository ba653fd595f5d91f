"""Pushes to environments that take no release: they wait, say for what, and the newest goes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.access import Lab
from slipway.cli import NOT_PERMITTED, OK, main
from slipway.cli.query import find_run
from slipway.cli.settings import Login
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, application, run_of, run_with_id
from tests.people.conftest import people as people
from tests.release.releases import objects, wait_for

pytestmark = pytest.mark.lab

REPOSITORY = "tests/frozen"
ROLLOUT = "container.rollout"


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    with application(lab, airflow_api, tmp_path / "work", REPOSITORY) as found:
        yield found


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Log in the command as somebody."""

    def log_in(login: Login) -> None:
        for name, value in (("URL", login.url), ("USER", login.user), ("PASSWORD", login.password)):
            monkeypatch.setenv(f"AIRFLOW_{name}", value)

    return log_in


def push(app: Pushed, number: int, branch: str) -> PushEvent:
    dockerfile = f"FROM busybox:1.36\nRUN echo {app.name} {number} > /name\n"
    return app.push({"slipway.yaml": app.spec, "Dockerfile": dockerfile}, f"{branch}/{app.name}")


def freeze(*words: str) -> int:
    return main(["freeze", *words])


def note(app: Pushed, run_id: str) -> str:
    return str((app.airflow.find_run("deploy", run_id) or {}).get("note") or "")


def waiting(app: Pushed, event: PushEvent) -> str:
    """Wait until the push's release waits for its environment; returns the id of its run of ``deploy``."""
    found: list[str] = []

    def is_so() -> bool:
        run = find_run(app.airflow, "deploy", event.partition_key)
        found[:] = [run["dag_run_id"]] if run else []
        return bool(run) and note(app, found[0]).startswith("waits: ")

    wait_for(is_so)
    wait_for(lambda: rollout(app, found[0])["state"] == "deferred")
    return found[0]


def rollout(app: Pushed, run_id: str) -> dict[str, Any]:
    [task] = [one for one in app.airflow.get_tasks("deploy", run_id) if one["task_id"] == ROLLOUT]
    return task


def log(run: Run) -> str:
    return "\n".join(run.log(ROLLOUT))


def deployed(app: Pushed) -> list[str]:
    return [one["metadata"]["annotations"]["slipway.io/commit"] for one in objects(app, "deployment")]


def begun(app: Pushed, run_id: str) -> datetime:
    """When a run's turn came."""
    path = f"/api/v2/dags/deploy/dagRuns/{run_id}/taskInstances/{ROLLOUT}/xcomEntries/turn"
    return datetime.fromisoformat(app.api.get(path).raise_for_status().json()["value"])


def audited(app: Pushed, event: str) -> list[dict[str, Any]]:
    query = {"dag_id": "deploy", "event": event, "order_by": "-when", "limit": 5}
    return list(app.airflow._get("/eventLogs", query)["event_logs"])


def test_a_push_waits_while_its_environment_is_frozen_and_the_newest_goes_when_it_opens(
    app: Pushed, people: dict[str, Login], as_user: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ("staging", "--app", REPOSITORY, "--until", "+2h", "--reason", "incident 42")
    for role in ("SlipwayStarter", "SlipwayViewer"):
        as_user(people[role])
        assert freeze(*begin) == NOT_PERMITTED
    approver = people["SlipwayApprover"]
    as_user(approver)
    assert freeze(*begin) == OK

    first = push(app, 1, "feature")
    first_run = waiting(app, first)
    why = note(app, first_run).splitlines()[0]
    assert why.startswith("waits: staging is frozen until 20")
    assert why.endswith(f"(incident 42; by {approver.user})")
    as_user(people["SlipwayViewer"])
    capsys.readouterr()
    assert main(["status", first.commit, "--app", REPOSITORY]) == OK
    assert why in capsys.readouterr().out

    newest = push(app, 2, "feature")
    newest_run = waiting(app, newest)
    superseded = run_of(app.airflow, first, "deploy")
    assert (superseded.state, superseded.tasks[ROLLOUT]) == ("success", "skipped"), superseded.story
    assert why in log(superseded)
    assert f"superseded by {newest.short_commit} (run {newest_run})" in log(superseded)
    assert "waits: " not in note(app, first_run)
    assert deployed(app) == []

    as_user(approver)
    opened = datetime.now(UTC)
    assert freeze("staging", "--app", REPOSITORY, "--end") == OK
    run = run_with_id(app.airflow, newest_run, "deploy")
    assert run.state == "success", run.story
    seconds = (begun(app, newest_run) - opened).total_seconds()
    print(f"the turn came {seconds:.1f} s after the freeze was ended")
    assert seconds < 30
    assert deployed(app) == [newest.commit]
    assert "waits: " not in note(app, newest_run)
    assert [one["owner"] for one in audited(app, "slipway freeze --end")][:1] == [approver.user]


def test_a_commit_is_let_into_an_environment_that_is_closed_and_a_rollback_needs_nobody(
    app: Pushed, people: dict[str, Login], as_user: Any
) -> None:
    approver = people["SlipwayApprover"]
    pushes = [push(app, 1, "closed")]
    waits = waiting(app, pushes[0])
    assert note(app, waits).startswith("waits: closed is frozen until 2100-01-01 UTC (migration)")
    as_user(people["SlipwayStarter"])
    let = ("closed", "--app", REPOSITORY, "--reason", "hotfix")
    assert freeze(*let, "--let", pushes[0].commit) == NOT_PERMITTED
    as_user(approver)
    assert freeze(*let, "--let", pushes[0].commit) == OK
    run = run_with_id(app.airflow, waits, "deploy")
    assert run.state == "success", run.story
    said = f"let through by {approver.user} at "
    assert said in log(run)
    lines = note(app, waits).splitlines()
    assert [line for line in lines if line.startswith(said) and line.endswith(" UTC: hotfix")], lines
    [used] = [one for one in audited(app, "slipway freeze: let through") if one["run_id"] == waits]
    assert (used["owner"], pushes[0].commit in used["extra"]) == (approver.user, True)
    assert deployed(app) == [pushes[0].commit]

    source = app.source
    commit = source.commit(
        {"slipway.yaml": app.spec, "Dockerfile": f"FROM busybox:1.36\nRUN echo {app.name}\n"}
    )
    assert freeze(*let, "--let", commit) == OK  # before it is pushed
    second = source.push(commit, f"closed/{app.name}")
    assert run_of(app.airflow, second, "deploy").state == "success"
    assert deployed(app) == [commit]

    run_id = app.start("rollback", environment="closed")
    assert run_with_id(app.airflow, run_id, "rollback").state == "success"
    assert deployed(app) == [pushes[0].commit]
    assert "let through" not in note(app, f"rollback__{run_id}")
