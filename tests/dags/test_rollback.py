"""Back to an earlier release, by the form, through the lab."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from tests.dags.in_process import as_on_worker, build_container, call
from tests.dags.pushing import Pushed, Run, application, run_with_id

pytestmark = pytest.mark.lab

DAG = "rollback"
DOCKERFILE = "FROM busybox:1.36\nRUN echo {} > /version\n"


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    """An application of a repository to which no other test releases: what ran before is this test's."""
    with application(lab, airflow_api, tmp_path / "work", "tests/rollback") as found:
        yield found


def release(app: Pushed, version: str) -> tuple[str, str]:
    """Have a version deployed, and return its commit and its image's digest."""
    content = {"Dockerfile": DOCKERFILE.format(version), "slipway.yaml": app.spec}
    push = app.push(content, f"built-{app.name}-{version}")
    build_container(app.lab, push)
    run = run_with_id(app.airflow, app.start("deploy", commit=push.commit, environment="staging"), "deploy")
    assert run.state == "success", run.story
    return push.commit, app.digest(push.commit)


def go_back(app: Pushed, **params: str) -> Run:
    return run_with_id(app.airflow, app.start(DAG, environment="staging", **params), DAG)


def running(app: Pushed) -> str:
    """The digest that the cluster runs."""
    kubectl = [
        "kubectl",
        f"--kubeconfig={app.lab.kubeconfig}",
        "--namespace=demo",
        "get",
        "deployment",
        app.name,
    ]
    image = "--output=jsonpath={.spec.template.spec.containers[0].image}"
    done = subprocess.run([*kubectl, image], check=True, capture_output=True, timeout=60, text=True)
    return done.stdout.partition("@")[2]


def test_the_release_before_is_back_and_nothing_was_built(app: Pushed) -> None:
    (_, first), (newer, second) = release(app, "1"), release(app, "2")
    assert first != second
    assert running(app) == second
    assert_what_was_never_built_is_refused(app, second)

    ended = go_back(app)
    assert ended.state == "success", ended.log("choose")
    assert running(app) == first
    [deployment] = app.airflow.get_run_events("deploy", f"rollback__{ended.id}")
    assert deployment["extra"]["image"]["digest"] == first
    assert deployment["extra"]["replaced"] == second

    assert_a_deployment_that_an_earlier_try_started_is_waited_for(app, newer)
    assert running(app) == second


def assert_what_was_never_built_is_refused(app: Pushed, runs: str) -> None:
    """See that it is said once, and that what runs stays."""
    ended = go_back(app, commit="0123456789" * 4)
    assert ended.state == "failed", ended.story
    assert ended.tries["deploy"] == 1, f"a deployment that failed is not tried again\n{ended.story}"
    assert running(app) == runs


def assert_a_deployment_that_an_earlier_try_started_is_waited_for(app: Pushed, commit: str) -> None:
    """As after a worker's death, between the start of the deployment and the wait for it."""
    run_id = f"killed-{app.name}"
    conf = {"repository": app.source.repository, "environment": "staging", "commit": commit}
    for dag_id, name in (("deploy", f"rollback__{run_id}"), (DAG, run_id)):
        app.airflow.create_run(dag_id, name, conf, "")
    ended = run_with_id(app.airflow, run_id, DAG)
    assert ended.state == "success", ended.story
    assert "which already exists" in "\n".join(ended.log("deploy")), ended.story
    deployed = run_with_id(app.airflow, f"rollback__{run_id}", "deploy")
    assert set(deployed.tries.values()) <= {0, 1}, deployed.story


def test_an_environment_that_is_none_is_refused_at_once(lab: Lab) -> None:
    with as_on_worker(lab):
        ended = call(DAG, only=("choose",), repository="tests/rollback", environment="foreign")
    assert ended.states == {"choose": "failed"}
    said = "apps.yaml has no environment 'foreign' for tests/rollback. It has: production, staging."
    assert said in ended.refused
