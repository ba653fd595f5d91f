"""The status of many applications at once: few requests, and the same answers as for each alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slipway.cli import main
from slipway.cli.answers import ServerError
from slipway.cli.api import Airflow
from slipway.cli.query import find_pushes, get_status, get_statuses
from slipway.flow.push import PushEvent
from slipway.flow.push_id import push_id
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import built, deployment, look, push, run, task
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
    api.add_event(deploy, "slipway_deployment", deployment(of, seconds + 12))
    return deploy


@pytest.fixture
def town(api: AirflowApi) -> AirflowApi:
    """Applications whose pushes are in every state."""
    for number in range(APPLICATIONS):
        last = deployed(api, application(number), number * 60.0)
        name = (last["dag_id"], last["dag_run_id"])
        if number % 10 == 1:
            api.events.pop()
            last["state"] = "failed"
            last["note"] = "failed at container.rollout: no room"
            api.tasks[name] = [
                task("container.rollout", "failed", 1, 2),
                task("released", "upstream_failed"),
            ]
        elif number % 10 == 2:
            api.events.pop()
            last |= {"state": "running", "end_date": None}
            api.tasks[name] = [task("approve", "awaiting_input", 1)]
        elif number % 10 == 3:
            api.events.pop()
            api.runs.remove(last)
            api.add_run(run("vm_image", "running", application(number), number * 60.0))
    return api


def test_the_answers_are_those_for_each_alone(town: AirflowApi, airflow: Airflow) -> None:
    statuses = get_statuses(airflow)
    assert set(statuses) == {push_id(application(number), 0) for number in range(APPLICATIONS)}
    for number in (0, 1, 2, 3, 299):
        of = application(number)
        assert statuses[push_id(of, 0)] == get_status(airflow, of.partition_key)
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


def test_images_that_the_look_found_cost_pages_of_events_and_no_questions(
    api: AirflowApi, airflow: Airflow
) -> None:
    for number in range(APPLICATIONS):
        of = push(f"{number % 10}", repository=f"octo/app-{number}", rebuild="2026-11-25")
        looked = api.add_run(look(of, seconds=number * 60.0))
        api.add_event(looked, "slipway_container_image", built(of, reused=True))
        for platform in ("vm", "bare_metal"):
            api.add_event(looked, f"slipway_{platform}_image", built(of, platform=platform, image=None))
    states = [
        {name: (one.state, one.detail) for name, one in status.platforms.items()}
        for status in get_statuses(airflow).values()
    ]
    nothing = ("nothing", "slipway.yaml declares nothing for this platform")
    unchanged = ("not deployed", "nothing changed since it was built before")
    assert states == [{"container": unchanged, "vm": nothing, "bare_metal": nothing}] * APPLICATIONS
    # Runs of `push` and its events, a page of each other list, and the login.
    assert len(api.asked) <= 3 + 9 + 4 * 2 + 1


def test_what_follows_from_a_run_is_read_after_it(town: AirflowApi, airflow: Airflow) -> None:
    get_statuses(airflow)
    runs = {name: _asked(town, f"/dags/{name}/dagRuns?") for name in ("push", "vm_image", "deploy")}
    events = {name: _asked(town, f"source_dag_id={name}") for name in ("push", "vm_image", "deploy")}
    assert max(runs["push"]) < min(runs["vm_image"] + events["push"])
    assert max(runs["vm_image"]) < min(runs["deploy"] + events["vm_image"])
    assert max(runs["deploy"]) < min(events["deploy"])


def _asked(api: AirflowApi, part: str) -> list[int]:
    return [number for number, path in enumerate(api.asked) if part in path]


def test_a_paused_dag_is_asked_for_once(api: AirflowApi, airflow: Airflow) -> None:
    for number in range(50):
        of = application(number)
        api.add_run(look(of, seconds=number))
        api.add_run(run("container_image", "queued", of, number))
    api.paused = {"container_image"}
    details = {one.platforms["container"].detail for one in get_statuses(airflow).values()}
    assert details == {"waits: DAG container_image is paused"}
    assert api.asked.count("GET /api/v2/dags/container_image") == 1


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
    assert statuses[push_id(old, 0)].platforms["vm"].state == "nothing"
    # The runs of one DAG whole; of the others and of events four pages; what the old one is asked for alone.
    assert len(town.asked) <= 7 + 7 * 4 + 2 + 8


def test_the_error_and_the_log_of_a_failure_are_named(
    town: AirflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 1
    _, _, text = capsys.readouterr().out.partition("octo/app-291 at")
    text = text.partition("octo/")[0]
    assert "error    deployment failed in deploy/container.rollout: no room" in text
    assert f"log      {town.url}/dags/deploy/runs/push~app-291~main~" in text
    assert "/tasks/container.rollout" in text
    assert "+" not in text.partition("log ")[2].splitlines()[0]


def test_an_old_push_behind_a_busy_application_has_its_image(api: AirflowApi, airflow: Airflow) -> None:
    old = push("a")
    deployed(api, old, 0)
    for number in range(1100):
        busy = push("b", repository="octo/busy")
        api.runs.append(run("vm_image", "success", busy, 60 + number, number))
    statuses = get_statuses(airflow)
    assert statuses[push_id(old, 0)].platforms["vm"].state == "nothing"
    assert statuses[push_id(old, 0)] == get_status(airflow, old.partition_key)


def test_an_event_that_cannot_be_listed_hides_no_other(town: AirflowApi, airflow: Airflow) -> None:
    hidden = next(
        event for event in town.events if event["extra"]["push"]["repository"] == application(155).repository
    )
    hidden["started"] = "queued"
    statuses = get_statuses(airflow)
    for number in (154, 156):
        assert statuses[push_id(application(number), 0)].platforms["container"].state == "running"
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
    status = statuses[push_id(application(1), 0)].platforms["container"]
    assert status.detail == "deployment failed in deploy/container.rollout: no room"


def test_of_one_application_the_newest_is_found_with_one_list(api: AirflowApi, airflow: Airflow) -> None:
    for number in range(150):
        api.runs.append(look(push("b"), seconds=number, number=number))
    [found] = find_pushes(airflow, repository="examples/hello")
    assert found.id == push_id(push("b"), 149)
    assert len([path for path in api.asked if path.startswith("GET")]) == 1
