"""A night in the lab: what is unchanged, what changed by its base, and what is not there."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from slipway.flow.image import Built
from slipway.flow.push import PushEvent
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import Run, run_of
from tests.dags.upkeep import REPOSITORY, Upkeep
from tests.registry_images import publish_image, remove

pytestmark = pytest.mark.lab

DAG = "nightly_rebuild"
MAIN = "refs/heads/main"


@pytest.fixture
def upkeep(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Upkeep]:
    folder = tmp_path / "work"
    folder.mkdir()
    web = lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        found = Upkeep(lab, folder, airflow, airflow_api)
        found.git("init", "--quiet", "--initial-branch=main")
        yield found


@pytest.fixture
def name(lab: Lab) -> Iterator[str]:
    """An application of the test's own; what it left is removed."""
    made = f"t-{secrets.token_hex(4)}"
    yield made
    for repository in (made, f"{made}-base"):
        remove(lab.registry, f"docker-local/demo/{repository}")
    kubectl = ["kubectl", f"--kubeconfig={lab.kubeconfig}", "--namespace=demo", "delete"]
    objects = ["deployment,service,configmap", f"--selector=slipway.io/application={made}"]
    subprocess.run([*kubectl, *objects], check=True, capture_output=True, timeout=60)


def night_of(run: Run, push: PushEvent) -> PushEvent:
    """The push of the night that a run of the DAG is."""
    stamp = run.id.removeprefix("manual__")[:19].replace(":", "")
    return push.model_copy(update={"rebuild": f"{stamp[:10]}T{stamp[11:17]}"})


def built(upkeep: Upkeep, push: PushEvent) -> Built:
    run = run_of(upkeep.airflow, push)
    [event] = upkeep.airflow.get_run_events(run.dag_id, run.id)
    return Built.from_json(event["extra"])


@pytest.fixture
def base(lab: Lab, name: str, tmp_path: Path) -> str:
    """A base image of the tenant's own, in the image registry."""
    made = f"docker-local/demo/{name}-base"
    publish_image(lab.registry, made, "1", tmp_path, "old")
    return made


@pytest.fixture
def pushed(upkeep: Upkeep, lab: Lab, name: str, base: str) -> PushEvent:
    """A push of the main branch that was built and deployed."""
    push = upkeep.push(
        upkeep.commit(
            {
                "slipway.yaml": f"version: 1\nname: {name}\ncontainer: {{kubernetes: {{replicas: 0}}}}\n",
                "Dockerfile": f"FROM {lab['SLIPWAY_REGISTRY']}/{base}:1\nCOPY slipway.yaml /\n",
            }
        ),
        MAIN,
    )
    assert run_of(upkeep.airflow, push, "deploy").state == "success"
    return push


def test_a_night_names_what_fails_leaves_the_unchanged_alone_and_deploys_what_its_base_changed(
    upkeep: Upkeep, pushed: PushEvent, lab: Lab, base: str, tmp_path: Path
) -> None:
    assert_unchanged_is_not_deployed_again_and_what_fails_is_named(upkeep, pushed)
    publish_image(lab.registry, base, "1", tmp_path, "repaired")
    assert_built_and_deployed_anew(upkeep, pushed)


def assert_unchanged_is_not_deployed_again_and_what_fails_is_named(upkeep: Upkeep, pushed: PushEvent) -> None:
    night = upkeep.start(DAG, hours=0)
    told = "\n".join(night.log("summary"))
    assert f"2 rebuilds: 1 failed, 1 unchanged\nfailed     {REPOSITORY} never" in told
    assert f"{REPOSITORY} never  {REPOSITORY} has no ref 'refs/heads/never'" in told
    assert f"unchanged  {REPOSITORY} main   {pushed.short_commit}: " in told
    assert "container unchanged" in told
    # One that fails does not stop the others, and is named at the end.
    assert night.state == "failed", night.story
    assert f"1 of 2 rebuilds failed: {REPOSITORY} never." in str(night.errors("summary"))
    assert upkeep.mapped(night, "push_again") == {
        f"{REPOSITORY} refs/heads/main": "success",
        f"{REPOSITORY} refs/heads/never": "failed",
    }
    again = night_of(night, pushed)
    look = run_of(upkeep.airflow, again, "push")
    assert look.tasks == {"look": "success", "outcome": "skipped"}
    assert "container  unchanged: sha256:" in "\n".join(look.log("look"))
    for dag_id in ("container_image", "deploy"):
        assert [len(upkeep.runs(dag_id, one.partition_key)) for one in (pushed, again)] == [1, 0]


def assert_built_and_deployed_anew(upkeep: Upkeep, pushed: PushEvent) -> None:
    night = upkeep.start(DAG, hours=0)
    assert "2 rebuilds: 1 failed, 1 built anew" in "\n".join(night.log("summary"))
    anew = night_of(night, pushed)
    before, after = built(upkeep, pushed), built(upkeep, anew)
    assert (before.is_new, after.is_new) == (True, True)
    assert before.image is not None
    assert after.image is not None
    assert before.image.digest != after.image.digest
    deploy = run_of(upkeep.airflow, anew, "deploy")
    assert (deploy.state, deploy.tasks["release"]) == ("success", "success")


def test_a_night_of_a_repository_that_may_not_build(lab: Lab) -> None:
    with as_on_worker(lab):
        ended = call(DAG, only=("plan",), repositories=["tests/unknown"])
    assert ended.states == {"plan": "failed"}
    assert "repository 'tests/unknown' may not build" in ended.refused
