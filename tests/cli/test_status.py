"""What became of a push, by every combination of what Airflow can say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slipway.cli.status import PlatformFacts, platform_status, push_status
from tests.cli.records import START, built, deployment, image, push, run

PUSH = push("a")


def test_before_the_build_has_a_run_the_push_waits() -> None:
    assert platform_status(PlatformFacts()).state == "waiting"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_without_an_image_is_building(state: str) -> None:
    status = platform_status(PlatformFacts(build=run("container_image", state, PUSH)))
    assert (status.state, status.since, status.image) == ("building", START, None)


def test_a_failed_build_names_its_task() -> None:
    facts = PlatformFacts(
        build=run("container_image", "failed", PUSH), failed_tasks=("container_image/build",)
    )
    status = platform_status(facts)
    assert (status.state, status.since) == ("failed", START + timedelta(seconds=5))
    assert status.detail == "build failed in container_image/build"


def test_a_failure_says_its_error_and_where_the_log_is() -> None:
    failed = run("container_image", "failed", PUSH) | {
        "note": "failed at build: step 3 (RUN make): exit code 2. Run it by hand\nocto/shop: started by Ann"
    }
    log = "http://127.0.0.1:8080/dags/container_image/runs/x/tasks/build"
    facts = PlatformFacts(build=failed, failed_tasks=("container_image/build",), log=log)
    status = platform_status(facts)
    assert status.detail == (
        "build failed in container_image/build: step 3 (RUN make): exit code 2. Run it by hand"
    )
    assert status.log == log
    deploy = run("deploy", "failed", PUSH) | {"note": "failed at vm.rollout: no room"}
    status = platform_status(PlatformFacts(built=built(PUSH), deploy=deploy, log=log))
    assert (status.detail, status.log) == ("deployment failed: no room", log)
    assert status.digest == image(PUSH).digest


@pytest.mark.parametrize("note", [None, "", "mine", "hello at aaaaaaaaaaaa: built"])
def test_a_note_of_another_kind_is_no_error(note: str | None) -> None:
    failed = run("container_image", "failed", PUSH) | {"note": note}
    assert platform_status(PlatformFacts(build=failed)).detail == "build failed"


def test_a_platform_that_the_application_does_not_declare_is_nothing() -> None:
    status = platform_status(
        PlatformFacts(build=run("container_image", "success", PUSH), built=built(PUSH, image=None))
    )
    assert (status.state, status.digest) == ("nothing", None)


def test_an_image_without_a_deployment_run_is_built() -> None:
    status = platform_status(PlatformFacts(build=run("container_image", "success", PUSH), built=built(PUSH)))
    assert (status.state, status.digest, status.image) == ("built", image(PUSH).digest, image(PUSH).reference)


def test_a_build_that_was_not_asked_to_deploy_has_settled() -> None:
    facts = PlatformFacts(build=run("container_image", "success", PUSH), built=built(PUSH, deploy=False))
    assert platform_status(facts).state == "not deployed"


@pytest.mark.parametrize(
    ("run_state", "state"),
    [("queued", "deploying"), ("running", "deploying"), ("failed", "failed"), ("success", "not deployed")],
)
def test_without_a_deployment_the_deploy_run_says_the_state(run_state: str, state: str) -> None:
    facts = PlatformFacts(
        build=run("container_image", "success", PUSH),
        built=built(PUSH),
        deploy=run("deploy", run_state, PUSH, 10),
    )
    status = platform_status(facts)
    assert (status.state, status.digest, status.running) == (state, image(PUSH).digest, None)


def test_a_deployment_says_the_state_where_the_image_is_not_known() -> None:
    facts = PlatformFacts(
        build=run("container_image", "success", PUSH), deploy=run("deploy", "running", PUSH, 10)
    )
    assert platform_status(facts).state == "deploying"


def test_the_newest_deployment_is_what_runs() -> None:
    done = deployment(PUSH)
    status = platform_status(PlatformFacts(built=built(PUSH), deployment=done, newest=done))
    assert (status.state, status.running, status.url) == (
        "running",
        "demo/deployment/hello",
        "http://127.0.0.1:30080/",
    )
    assert status.since == done.since


def test_a_deployment_that_another_push_followed_runs_no_more() -> None:
    later = deployment(push("b"), 60)
    status = platform_status(PlatformFacts(built=built(PUSH), deployment=deployment(PUSH), newest=later))
    assert (status.state, status.running, status.url) == ("replaced", None, None)
    assert (status.since, status.detail) == (later.since, "by bbbbbbbbbbbb")


def test_a_rebuild_of_the_same_commit_replaces_it_too() -> None:
    later = deployment(push("a", rebuild="2026-11-25"), 60)
    assert platform_status(PlatformFacts(deployment=deployment(PUSH), newest=later)).state == "replaced"


def test_the_json_has_the_documented_shape() -> None:
    facts = PlatformFacts(built=built(PUSH), deployment=deployment(PUSH))
    assert push_status(PUSH, {"container": facts}).to_json() == {
        "repository": "examples/hello",
        "commit": "a" * 40,
        "ref": "refs/heads/main",
        "platforms": {
            "container": {
                "state": "running",
                "digest": "sha256:" + "a" * 64,
                "image": "127.0.0.1:5000/docker-local/hello@sha256:" + "a" * 64,
                "glance": None,
                "running": "demo/deployment/hello",
                "environment": "production",
                "url": "http://127.0.0.1:30080/",
                "since": "2026-11-24T08:00:20Z",
                "detail": "",
                "log": None,
            }
        },
    }


def test_a_push_has_settled_when_every_platform_has() -> None:
    assert push_status(PUSH, {"container": PlatformFacts(deployment=deployment(PUSH))}).settled
    building = push_status(PUSH, {"container": PlatformFacts(build=run("container_image", "running", PUSH))})
    assert not building.settled
    assert not building.failed


def test_a_deployment_that_its_environment_holds_says_until_when() -> None:
    why = "production is frozen until 2026-12-01 18:00 UTC (incident 42; by alice)"
    deploy = run("deploy", "running", PUSH) | {"note": f"waits: {why}\nocto/shop to production: abc of main"}
    status = platform_status(PlatformFacts(built=built(PUSH), deploy=deploy))
    assert (status.state, status.detail) == ("deploying", f"waits: {why}")
    asked = platform_status(PlatformFacts(built=built(PUSH), deploy=deploy, is_asked=True))
    assert asked.detail.startswith("waits for approval")
    going = platform_status(PlatformFacts(built=built(PUSH), deploy=deploy | {"note": f"x\nwaits: {why}"}))
    assert going.detail == ""
