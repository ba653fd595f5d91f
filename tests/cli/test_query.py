"""What the command asks Airflow, and makes of the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slipway.cli.answers import AirflowError
from slipway.cli.api import Airflow
from slipway.cli.query import find_keys, get_status
from slipway.cli.settings import Login
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import built, deployment, push, run, task

IMAGE, DEPLOYMENT = "slipway_container_image", "slipway_deployment"


@pytest.fixture
def airflow(api: AirflowApi) -> Iterator[Airflow]:
    with Airflow(api.login) as client:
        yield client


def _built(api: AirflowApi, of: PushEvent, seconds: float = 0) -> None:
    api.runs.append(run("container_image", "success", of, seconds))
    api.add_event(api.runs[-1], IMAGE, built(of))


def _deployed(api: AirflowApi, of: PushEvent, seconds: float = 0) -> None:
    _built(api, of, seconds)
    api.runs.append(run("deploy", "success", of, seconds + 10))
    api.add_event(api.runs[-1], DEPLOYMENT, deployment(of, seconds + 12))


def test_a_deployed_push_runs(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    status = get_status(airflow, push("a").partition_key)
    assert status.ref == "refs/heads/main"
    assert status.platforms["container"].state == "running"


def test_a_later_deployment_of_the_application_replaces_it(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    _deployed(api, push("b"), 60)
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "replaced"
    assert get_status(airflow, push("b").partition_key).platforms["container"].state == "running"


def test_other_applications_and_environments_replace_nothing(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    _deployed(api, push("b", repository="examples/other"), 60)
    staging = run("deploy", "success", push("c"))
    api.add_event(staging, DEPLOYMENT, deployment(push("c"), 90, environment="staging"), "2027")
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "running"


def test_the_newest_deployment_is_found_beyond_the_first_page(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    other = push("b", repository="examples/other")
    elsewhere = run("deploy", "success", other)
    for number in range(150):
        api.add_event(elsewhere, DEPLOYMENT, deployment(other, number), f"2027-{number:03}")
    _deployed(api, push("c"), 60)
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "replaced"


def test_a_failed_build_names_the_task(api: AirflowApi, airflow: Airflow) -> None:
    api.runs.append(run("container_image", "failed", push("a")))
    api.runs[0]["note"] = "failed at build: no such file"
    api.tasks[api.runs[0]["dag_run_id"]] = [task("build", "failed"), task("publish", "upstream_failed")]
    status = get_status(airflow, push("a").partition_key)
    assert status.failed
    container = status.platforms["container"]
    assert container.detail == "build failed in container_image/build: no such file"
    assert container.log is not None
    assert container.log.startswith(f"{api.url}/dags/container_image/runs/asset_triggered__")
    assert container.log.endswith("/tasks/build")


def test_while_building_the_ref_comes_from_the_push_event(api: AirflowApi, airflow: Airflow) -> None:
    api.runs.append(run("container_image", "running", push("a")))
    api.upstream[api.runs[0]["dag_run_id"]] = [{"extra": {"push": push("a").to_json()}}]
    assert get_status(airflow, push("a").partition_key).ref == "refs/heads/main"


def test_a_queued_deployment_hides_the_image_and_not_the_state(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    api.events[0]["started"] = "queued"
    api.runs.append(run("deploy", "queued", push("a"), 10))
    status = get_status(airflow, push("a").partition_key).platforms["container"]
    assert (status.state, status.digest, status.detail) == ("deploying", None, "the deployment is queued")


@pytest.mark.parametrize("state", ["awaiting_input", "success"])
def test_a_deployment_that_waits_for_approval_says_so(api: AirflowApi, airflow: Airflow, state: str) -> None:
    _built(api, push("a"))
    api.runs.append(run("deploy", "running", push("a"), 10))
    api.tasks[api.runs[-1]["dag_run_id"]] = [task("release", "success"), task("approve", state)]
    status = get_status(airflow, push("a").partition_key).platforms["container"]
    assert status.state == "deploying"
    assert ("waits for approval" in status.detail) == (state == "awaiting_input")


def test_a_failure_of_the_server_that_passes_is_not_told(
    api: AirflowApi, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([(500, "Internal Server Error"), (503, "starting"), (200, {"dag_runs": []})])
    monkeypatch.setattr(api, "answer", lambda path, query: next(answers))
    assert airflow.get_runs("deploy") == []


def test_an_application_is_found_behind_the_many_runs_of_another(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    busy = push("b").model_copy(update={"repository": "octo/busy"})
    api.runs += [run("container_image", "success", busy, 60 + number) for number in range(250)]
    assert find_keys(airflow) == [busy.partition_key, push("a").partition_key]


def test_a_queued_push_does_not_hide_the_others(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    api.runs.append(run("container_image", "queued", push("b"), 60))
    queued = {"id": 9, "name": "slipway_push", "timestamp": "2027", "started": "queued"}
    api.events.append(queued | {"partition_key": push("b").partition_key})
    assert find_keys(airflow, "aaaaaaa") == [push("a").partition_key]
    assert get_status(airflow, push("b").partition_key).ref == "unknown"


def test_an_event_of_another_version_is_an_error_not_a_silence(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    api.events[0]["extra"]["colour"] = "blue"
    with pytest.raises(SlipwayError, match="asset event 1 of slipway_container_image is not a Built"):
        get_status(airflow, push("a").partition_key)


def test_find_keys_takes_the_first_digits_of_a_commit(api: AirflowApi, airflow: Airflow) -> None:
    for digit in "ab":
        _built(api, push(digit))
    assert find_keys(airflow, "AAAAAAA") == [push("a").partition_key]
    assert find_keys(airflow, "cccccccc") == []


def test_a_repository_name_is_compared_whole(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a", repository="examples/hello-2"))
    _built(api, push("a", repository="examples/hello"), 5)
    assert find_keys(airflow, repository="examples/hello") == [push("a").partition_key]
    assert find_keys(airflow, "aaaaaaa", "examples/hello-2") == [
        push("a", repository="examples/hello-2").partition_key
    ]


def test_without_a_commit_every_application_comes_once_with_its_newest(
    api: AirflowApi, airflow: Airflow
) -> None:
    _built(api, push("a"))
    _built(api, push("b", repository="examples/other"), 5)
    _built(api, push("c"), 10)
    assert find_keys(airflow) == [
        push("c").partition_key,
        push("b", repository="examples/other").partition_key,
    ]


def test_a_push_whose_run_is_not_there_yet_is_found_and_waits(api: AirflowApi, airflow: Airflow) -> None:
    key = push("a").partition_key
    api.events.append({"id": 1, "name": "slipway_push", "partition_key": key, "timestamp": "2026"})
    assert find_keys(airflow, "aaaaaaa") == [key]
    assert get_status(airflow, key).platforms["container"].state == "waiting"


def test_of_rebuilds_of_a_commit_the_newest_counts(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    _built(api, push("a", rebuild="2026-11-25"), 60)
    assert find_keys(airflow, "aaaaaaa") == [push("a", rebuild="2026-11-25").partition_key]


def test_runs_without_a_partition_key_are_passed_over(api: AirflowApi, airflow: Airflow) -> None:
    api.runs.append(run("container_image", "success", push("a")) | {"partition_key": None})
    assert find_keys(airflow) == []


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    api: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Airflow(api.login) as client:
        assert client.get_runs("deploy") == []


def test_one_token_serves_until_it_expires(api: AirflowApi, airflow: Airflow) -> None:
    airflow.get_runs("deploy")
    airflow.get_runs("deploy")
    assert api.tokens == 1
    api.expired.add("token-1")
    assert airflow.get_runs("deploy") == []
    assert api.tokens == 2


def test_a_token_that_never_works_is_asked_for_only_once_more(api: AirflowApi, airflow: Airflow) -> None:
    api.expired |= {f"token-{number}" for number in range(10)}
    with pytest.raises(AirflowError, match="answered 401 to"):
        airflow.get_runs("deploy")
    assert api.tokens <= 2


def test_a_wrong_password_is_named_and_not_shown(api: AirflowApi) -> None:
    with Airflow(Login(api.url, "admin", "hunter2")) as client, pytest.raises(AirflowError) as caught:
        client.get_runs("deploy")
    assert "AIRFLOW_PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, "Internal Server Error"), r"answered 500 to /api/v2/dags/deploy/dagRuns: Internal"),
        ((200, "<html>a proxy's page"), "not JSON"),
        ((200, "[]"), "not a JSON object"),
        ((200, "{}"), "no list 'dag_runs'"),
    ],
)
def test_answers_that_are_none_say_so(
    api: AirflowApi, airflow: Airflow, answer: tuple[int, str], message: str
) -> None:
    api.broken = answer
    with pytest.raises(AirflowError, match=message):
        airflow.get_runs("deploy")


def test_a_dag_that_is_not_loaded_is_named(api: AirflowApi, airflow: Airflow) -> None:
    api.dags = ()
    with pytest.raises(AirflowError, match=r"has no DAG 'container_image'.*import errors"):
        find_keys(airflow)


def test_no_answer_names_the_address_and_the_cure() -> None:
    with (
        Airflow(Login("http://127.0.0.1:9", "admin", "x")) as client,
        pytest.raises(AirflowError, match=r"127\.0\.0\.1:9.*AIRFLOW_URL"),
    ):
        client.get_runs("deploy")
