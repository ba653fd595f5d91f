"""What the command asks Airflow, and makes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from slipway.cli.answers import AirflowError
from slipway.cli.api import Airflow
from slipway.cli.query import find_pushes, get_some, get_status
from slipway.cli.settings import Login
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import START, built, deployment, look, on_request, push, run, task

IMAGE, DEPLOYMENT = "slipway_container_image", "slipway_deployment"


@pytest.fixture
def airflow(api: AirflowApi) -> Iterator[Airflow]:
    with Airflow(api.login) as client:
        yield client


def _built(api: AirflowApi, of: PushEvent, seconds: float = 0) -> None:
    api.add_run(look(of, seconds=seconds))
    api.add_event(api.add_run(run("container_image", "success", of, seconds + 2)), IMAGE, built(of))


def _deployed(api: AirflowApi, of: PushEvent, seconds: float = 0, environment: str = "production") -> None:
    _built(api, of, seconds)
    deploy = api.add_run(run("deploy", "success", of, seconds + 10))
    api.add_event(deploy, DEPLOYMENT, deployment(of, seconds + 12, environment=environment))


def found(airflow: Airflow, commit: str = "", repository: str = "", ref: str = "") -> list[str]:
    return [one.push.partition_key for one in find_pushes(airflow, commit, repository, ref)]


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
    later = (START + timedelta(days=1)).isoformat()
    api.add_event(staging, DEPLOYMENT, deployment(push("c"), 90, environment="staging"), later)
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "running"


def test_the_newest_deployment_is_found_beyond_the_first_page(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    other = push("b", repository="examples/other")
    elsewhere = run("deploy", "success", other)
    for number in range(150):
        moment = START + timedelta(days=1, seconds=number)
        api.add_event(elsewhere, DEPLOYMENT, deployment(other, number), moment.isoformat())
    _deployed(api, push("c"), 60)
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "replaced"


def test_a_failed_build_names_the_task(api: AirflowApi, airflow: Airflow) -> None:
    api.add_run(look(push("a")))
    failed = run("container_image", "failed", push("a"), note="failed at build: no such file")
    api.add_run(failed, task("build", "failed"), task("publish", "upstream_failed"))
    status = get_status(airflow, push("a").partition_key)
    assert status.failed
    container = status.platforms["container"]
    assert container.detail == "build failed in container_image/build: no such file"
    assert container.log is not None
    assert container.log.startswith(f"{api.url}/dags/container_image/runs/push~hello~main~")
    assert container.log.endswith("/tasks/build")


def test_while_building_the_ref_comes_from_the_push_event(api: AirflowApi, airflow: Airflow) -> None:
    api.add_run(look(push("a")))
    api.add_run(run("container_image", "running", push("a")))
    assert get_status(airflow, push("a").partition_key).ref == "refs/heads/main"


def test_a_queued_deployment_hides_the_image_and_not_the_state(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    api.events[0]["started"] = "queued"
    api.add_run(run("deploy", "queued", push("a"), 10))
    status = get_status(airflow, push("a").partition_key).platforms["container"]
    assert (status.state, status.digest, status.detail) == ("deploying", None, "the deployment is queued")


@pytest.mark.parametrize("state", ["awaiting_input", "success"])
def test_a_deployment_that_waits_for_approval_says_so(api: AirflowApi, airflow: Airflow, state: str) -> None:
    _built(api, push("a"))
    api.add_run(run("deploy", "running", push("a"), 10), task("release", "success"), task("approve", state))
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
    api.runs += [look(busy, seconds=60 + number, number=number) for number in range(250)]
    assert found(airflow) == [busy.partition_key, push("a").partition_key]


def test_a_queued_push_does_not_hide_the_others(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    api.add_run(look(push("b"), "queued", 60))
    assert found(airflow, "aaaaaaa") == [push("a").partition_key]
    assert get_status(airflow, push("b").partition_key).ref == "refs/heads/main"
    assert get_status(airflow, push("c").partition_key).ref == "unknown"


def test_an_event_of_another_version_is_an_error_not_a_silence(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    api.events[0]["extra"]["colour"] = "blue"
    with pytest.raises(SlipwayError, match="asset event 1 of slipway_container_image is not a Built"):
        get_status(airflow, push("a").partition_key)


def test_find_keys_takes_the_first_digits_of_a_commit(api: AirflowApi, airflow: Airflow) -> None:
    for digit in "ab":
        _built(api, push(digit))
    assert found(airflow, "AAAAAAA") == [push("a").partition_key]
    assert found(airflow, "cccccccc") == []


def test_a_repository_name_is_compared_whole(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a", repository="examples/hello-2"))
    _built(api, push("a", repository="examples/hello"), 5)
    assert found(airflow, repository="examples/hello") == [push("a").partition_key]
    assert found(airflow, repository="Examples/Hello") == [push("a").partition_key]
    assert found(airflow, "aaaaaaa", "examples/hello-2") == [
        push("a", repository="examples/hello-2").partition_key
    ]


def test_without_a_commit_every_application_comes_once_with_its_newest(
    api: AirflowApi, airflow: Airflow
) -> None:
    _built(api, push("a"))
    _built(api, push("b", repository="examples/other"), 5)
    _built(api, push("c"), 10)
    assert found(airflow) == [
        push("c").partition_key,
        push("b", repository="examples/other").partition_key,
    ]


def test_a_push_whose_run_has_not_begun_is_found_and_waits(api: AirflowApi, airflow: Airflow) -> None:
    key = push("a").partition_key
    assert get_status(airflow, key).platforms["container"].state == "waiting"
    api.add_run(look(push("a"), "queued"))
    assert found(airflow, "aaaaaaa") == [key]
    assert get_status(airflow, key).platforms["container"].state == "waiting"


def test_of_rebuilds_of_a_commit_the_newest_counts(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    _built(api, push("a", rebuild="2026-11-25"), 60)
    assert found(airflow, "aaaaaaa") == [push("a", rebuild="2026-11-25").partition_key]


def test_a_push_is_found_behind_many_rebuilds_of_its_commit(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    for day in range(1, 31):
        api.add_run(look(push("a", rebuild=f"2026-12-{day:02}"), seconds=day * 86400))
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "running"


def test_a_branch_and_a_tag_of_one_commit_are_two_pushes(api: AirflowApi, airflow: Airflow) -> None:
    branch, tag = push("a"), push("a", ref="refs/tags/v1")
    _deployed(api, branch, environment="staging")
    _deployed(api, tag, 1, environment="production")
    api.add_run(look(push("b", ref="refs/tags/v0"), seconds=2))
    ids = [one.id for one in find_pushes(airflow, "aaaaaaa")]
    statuses = get_some(airflow, ids).values()
    assert [(one.ref, one.platforms["container"].environment) for one in statuses] == [
        ("refs/tags/v1", "production"),
        ("refs/heads/main", "staging"),
    ]
    assert {one.platforms["container"].state for one in statuses} == {"running"}
    [alone] = find_pushes(airflow, "aaaaaaa", ref="refs/heads/main")
    assert alone.id == ids[1]


def test_a_commit_that_was_pushed_again_is_shown_as_it_was_last(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    again = api.add_run(look(push("a"), "running", 60, number=1))
    assert [one.id for one in find_pushes(airflow, "aaaaaaa")] == [again["dag_run_id"]]
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "waiting"


def test_a_superseded_push_is_not_an_applications_newest(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    note = "superseded: refs/heads/main points to aaaaaaaaaaaa by now\nexamples/hello: bbbbbbbbbbbb"
    api.add_run(look(push("b"), seconds=60, note=note))
    assert found(airflow) == found(airflow, repository="examples/hello") == [push("a").partition_key]
    status = get_status(airflow, push("b").partition_key)
    assert status.settled
    assert not status.failed
    assert {(one.state, one.detail) for one in status.platforms.values()} == {
        ("not deployed", "superseded: refs/heads/main points to aaaaaaaaaaaa by now")
    }


def test_a_look_that_failed_is_named_on_every_platform(api: AirflowApi, airflow: Airflow) -> None:
    note = "failed at look: slipway.yaml:3: container.dockerfiel: is not known; write dockerfile"
    failed = api.add_run(look(push("a"), "failed", note=note), task("look", "failed"))
    status = get_status(airflow, push("a").partition_key)
    assert set(status.platforms) == {"container", "vm", "bare_metal"}
    for one in status.platforms.values():
        assert (one.state, one.log) == (
            "failed",
            f"{api.url}/dags/push/runs/{failed['dag_run_id']}/tasks/look",
        )
        assert one.detail == (
            "push failed in push/look: slipway.yaml:3: container.dockerfiel: is not known; write dockerfile"
        )


def test_images_that_need_no_build_come_from_the_look(api: AirflowApi, airflow: Airflow) -> None:
    done = api.add_run(look(push("a")))
    for platform in ("vm", "bare_metal"):
        api.add_event(done, f"slipway_{platform}_image", built(push("a"), platform=platform, image=None))
    api.add_event(done, IMAGE, built(push("a"), reused=True))
    deploy = api.add_run(run("deploy", "running", push("a"), 5))
    status = get_status(airflow, push("a").partition_key)
    assert {name: one.state for name, one in status.platforms.items()} == {
        "container": "deploying",
        "vm": "nothing",
        "bare_metal": "nothing",
    }
    assert status.platforms["container"].digest == "sha256:" + "a" * 64
    assert status.platforms["vm"].since == START + timedelta(seconds=5)
    deploy |= {"state": "success"}
    api.add_event(deploy, DEPLOYMENT, deployment(push("a")))
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "running"


def test_a_rebuild_that_changes_nothing_is_over(api: AirflowApi, airflow: Airflow) -> None:
    night = push("a", rebuild="2026-11-25")
    done = api.add_run(look(night))
    api.add_event(done, IMAGE, built(night, reused=True))
    container = get_status(airflow, night.partition_key).platforms["container"]
    assert (container.state, container.detail) == (
        "not deployed",
        "nothing changed since it was built before",
    )


def test_an_image_waits_for_the_builds_of_other_platforms(api: AirflowApi, airflow: Airflow) -> None:
    _built(api, push("a"))
    nothing = built(push("a"), platform="bare_metal", image=None)
    api.add_event(api.runs[0], "slipway_bare_metal_image", nothing)
    other = api.add_run(run("vm_image", "running", push("a")))
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "built"
    other |= {"state": "failed"}
    status = get_status(airflow, push("a").partition_key)
    assert status.platforms["container"].state == "built"
    assert status.settled


@pytest.mark.parametrize(
    ("dag_id", "state"), [("push", "waiting"), ("container_image", "building"), ("deploy", "deploying")]
)
def test_a_push_says_which_paused_dag_it_waits_for(
    api: AirflowApi, airflow: Airflow, dag_id: str, state: str
) -> None:
    for before in ("push", "container_image", "deploy"):
        api.add_run(run(before, "queued" if before == dag_id else "success", push("a")))
        if before == dag_id:
            break
    status = get_status(airflow, push("a").partition_key).platforms["container"]
    assert (status.state, "paused" in status.detail) == (state, False)
    api.paused = {dag_id}
    status = get_status(airflow, push("a").partition_key).platforms["container"]
    assert (status.state, status.detail) == (state, f"waits: DAG {dag_id} is paused")


def test_runs_that_began_are_not_asked_about_their_dags_pause(api: AirflowApi, airflow: Airflow) -> None:
    _deployed(api, push("a"))
    api.paused = {"push", "deploy"}
    assert get_status(airflow, push("a").partition_key).platforms["container"].state == "running"
    assert [path for path in api.asked if path.endswith(("/dags/push", "/dags/deploy"))] == []


def test_runs_without_a_partition_key_are_passed_over(api: AirflowApi, airflow: Airflow) -> None:
    api.runs.append(look(push("a")) | {"partition_key": None, "conf": None})
    api.add_run(on_request("success", "a key", {"repository": "examples/hello"}))
    assert found(airflow) == []


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
    with pytest.raises(AirflowError, match=r"has no DAG 'push'.*import errors"):
        find_pushes(airflow)


def test_no_answer_names_the_address_and_the_cure() -> None:
    with (
        Airflow(Login("http://127.0.0.1:9", "admin", "x")) as client,
        pytest.raises(AirflowError, match=r"127\.0\.0\.1:9.*AIRFLOW_URL"),
    ):
        client.get_runs("deploy")
