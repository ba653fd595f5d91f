"""The status of many applications at once: few requests, and the same answers as for each alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slipway.cli import main
from slipway.cli.answers import ServerError
from slipway.cli.api import Airflow
from slipway.cli.query import find_keys, get_status, get_statuses
from slipway.flow.push import PushEvent
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import deployment, push, run, task
from tests.cli.test_demo import build_everywhere

APPLICATIONS = 300


@pytest.fixture
def airflow(api: AirflowApi) -> Iterator[Airflow]:
    with Airflow(api.login) as client:
        yield client


def application(number: int) -> PushEvent:
    return push(f"{number % 10}", repository=f"octo/app-{number}")


def deployed(api: AirflowApi, of: PushEvent, seconds: float) -> dict[str, Any]:
    deploy = build_everywhere(api, of, seconds)
    deploy["dag_run_id"] += of.repository
    for one in api.runs[-4:-1]:
        one["dag_run_id"] += of.repository
    for event in api.events[-3:]:
        event["source_run_id"] += of.repository
    api.add_event(deploy, "slipway_deployment", deployment(of, seconds + 12))
    return deploy


@pytest.fixture
def town(api: AirflowApi) -> AirflowApi:
    """Applications whose pushes are in every state."""
    for number in range(APPLICATIONS):
        last = deployed(api, application(number), number * 60.0)
        if number % 10 == 1:
            api.events.pop()
            last["state"] = "failed"
            last["note"] = "failed at container.rollout: no room"
            api.tasks[last["dag_run_id"]] = [
                task("container.rollout", "failed", 1, 2),
                task("released", "upstream_failed"),
            ]
        elif number % 10 == 2:
            api.events.pop()
            last |= {"state": "running", "end_date": None}
            api.tasks[last["dag_run_id"]] = [task("approve", "awaiting_input", 1)]
        elif number % 10 == 3:
            api.events.pop()
            api.runs.remove(last)
    return api


def test_the_answers_are_those_for_each_alone(town: AirflowApi, airflow: Airflow) -> None:
    statuses = get_statuses(airflow)
    assert set(statuses) == {application(number).partition_key for number in range(APPLICATIONS)}
    for number in (0, 1, 2, 3, 299):
        key = application(number).partition_key
        assert statuses[key] == get_status(airflow, key)
    states = [one.platforms["container"].state for one in statuses.values()]
    assert {state: states.count(state) for state in set(states)} == {
        "running": 210,
        "failed": 30,
        "deploying": 30,
        "built": 30,
    }


def test_the_requests_do_not_grow_with_the_applications(town: AirflowApi, airflow: Airflow) -> None:
    get_statuses(airflow)
    # Four DAGs' runs and events, three pages each, the pushes, the tasks that are named, and the login.
    assert len(town.asked) <= 4 * 3 * 2 + 3
    assert town.tokens == 1


def test_a_long_history_costs_one_list_and_an_old_application_questions_of_its_own(
    town: AirflowApi, airflow: Airflow
) -> None:
    old = push("f", repository="octo/old")
    deployed(town, old, -86400.0)
    for number in range(APPLICATIONS):
        deployed(town, push("e", repository=f"octo/app-{number}"), 30000 + number * 60.0)
    statuses = get_statuses(airflow)
    assert len(statuses) == APPLICATIONS + 1
    assert {status.commit for status in statuses.values()} == {"e" * 40, "f" * 40}
    assert {status.platforms["container"].state for status in statuses.values()} == {"running"}
    assert statuses[old.partition_key].platforms["vm"].state == "nothing"
    # The runs of one DAG whole; of the others and of events four pages; what the old one is asked for alone.
    assert len(town.asked) <= 7 + 7 * 4 + 2 + 8


def test_the_error_and_the_log_of_a_failure_are_named(
    town: AirflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 1
    _, _, text = capsys.readouterr().out.partition("octo/app-291 at")
    text = text.partition("octo/")[0]
    assert "error    deployment failed in deploy/container.rollout: no room" in text
    assert f"log      {town.url}/dags/deploy/runs/asset_triggered__" in text
    assert "/tasks/container.rollout" in text
    assert "+" not in text.partition("log ")[2].splitlines()[0]


def test_an_old_push_behind_a_busy_application_has_its_image(api: AirflowApi, airflow: Airflow) -> None:
    old = push("a")
    deployed(api, old, 0)
    for number in range(1100):
        api.runs.append(run("vm_image", "success", push("b", repository="octo/busy"), 60 + number))
        api.runs[-1]["dag_run_id"] += str(number)
    statuses = get_statuses(airflow)
    assert statuses[old.partition_key].platforms["vm"].state == "nothing"
    assert statuses[old.partition_key] == get_status(airflow, old.partition_key)


def test_an_event_that_cannot_be_listed_hides_no_other(town: AirflowApi, airflow: Airflow) -> None:
    hidden = next(
        event for event in town.events if event["extra"]["push"]["repository"] == application(155).repository
    )
    hidden["started"] = "queued"
    statuses = get_statuses(airflow)
    for number in (154, 156):
        assert statuses[application(number).partition_key].platforms["container"].state == "running"
    assert len(statuses) == APPLICATIONS


def test_a_server_that_fails_is_an_error(
    town: AirflowApi, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town, "broken", (500, "Internal Server Error"))
    airflow._client.auth._token = "token-1"  # type: ignore[union-attr]
    with pytest.raises(ServerError):
        get_statuses(airflow)


def test_who_may_not_list_tasks_of_all_dags_is_answered_too(
    town: AirflowApi, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town, "list_tasks", lambda body: (403, {"detail": "Forbidden"}))
    statuses = get_statuses(airflow)
    status = statuses[application(1).partition_key].platforms["container"]
    assert status.detail == "deployment failed in deploy/container.rollout: no room"


def test_of_one_application_the_newest_is_found_with_one_list(api: AirflowApi, airflow: Airflow) -> None:
    for number in range(150):
        api.runs.append(run("container_image", "success", push("b"), number))
    assert find_keys(airflow, repository="examples/hello") == [push("b").partition_key]
    assert len([path for path in api.asked if path.startswith("GET")]) == 1
