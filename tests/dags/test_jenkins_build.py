"""Pushes whose application Jenkins builds: into the image, or with words that say why not."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import docker
import httpx
import pytest

from slipway.cli.failure import log_lines
from slipway.docker.inputs import JENKINS_LABEL
from slipway.flow.push import PushEvent
from slipway.webhook.signature import sign_search
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import DAG, REPOSITORY, Pushed, Run, run_with_id
from tests.systems.jenkins.clients import PythonJenkins
from tests.systems.jenkins.jobs import project
from tests.systems.jenkins.product import until

pytestmark = pytest.mark.lab

JOB = "examples/greeting"
DOCKERFILE = "FROM busybox:1.36\nCOPY vendor/dist/greeting.txt /greeting.txt\n"


def pushed(app: Pushed, job: str = JOB, **parameters: str) -> PushEvent:
    jenkins = {"job": job, "parameters": parameters, "artifacts": ["dist/greeting.txt"], "into": "vendor"}
    spec = f"{app.spec}build: {json.dumps({'jenkins': jenkins})}\n"
    files = {"slipway.yaml": spec, "Dockerfile": DOCKERFILE}
    return app.push(files, f"only-by-hand/{app.name}-{len(app.branches)}")


def start(app: Pushed, push: PushEvent) -> str:
    """Start a run for a push; returns its id."""
    return app.start(ref=push.ref, commit=push.commit)


@pytest.fixture
def jenkins(app: Pushed) -> PythonJenkins:
    login = app.lab.jenkins
    return PythonJenkins(login.url, login.user, login.password)


def builds_of(jenkins: PythonJenkins, push: PushEvent) -> list[dict[str, Any]]:
    """The builds of the job that were asked for by this push."""
    found = jenkins.client.get_job_info(JOB, depth=1)["builds"]
    return [build for build in found if parameter(build, "SLIPWAY_COMMIT") == push.commit]


def parameter(build: dict[str, Any], name: str) -> str | None:
    given = (one for action in build["actions"] for one in action.get("parameters", ()))
    return next((str(one["value"]) for one in given if one["name"] == name), None)


def test_what_jenkins_builds_is_in_the_image_and_is_built_once(
    app: Pushed, jenkins: PythonJenkins, engine: docker.DockerClient
) -> None:
    name = secrets.token_hex(6)
    push = pushed(app, NAME=name)
    run = run_with_id(app.airflow, start(app, push))
    assert set(run.tasks.values()) == {"success"}, run.log("jenkins") + run.log("build")
    [build] = builds_of(jenkins, push)
    said = "\n".join(run.log("jenkins"))
    assert f"building for {push.commit}" in said  # its console
    assert f"build {build['number']} of {JOB} has ended: SUCCESS" in said
    assert app.lab.jenkins.password not in said

    image = app.built(run)[0].image
    assert image is not None
    assert app.labels(image.digest)[JENKINS_LABEL] == build["url"]
    registry, _, digest = image.reference.partition("@")
    login = {"username": app.lab.registry.user, "password": app.lab.registry.password}
    kept = engine.images.pull(registry, tag=digest, auth_config=login)
    ran = engine.containers.run(kept.id, ["cat", "/greeting.txt"], remove=True)
    assert ran == f"hello {name}, from build {build['number']}\n".encode()
    engine.images.remove(image.reference, force=True)

    delivery = told(app, parameter(build, "SLIPWAY_BUILD"), build["timestamp"])
    assert delivery["payload"]["build"]["status"] == "SUCCESS"
    assert delivery["repository"] == REPOSITORY

    again = run_with_id(app.airflow, start(app, push))
    done = {"plan": "success", "base_images": "success", "publish": "success"}
    assert again.tasks == {**done, "jenkins": "skipped", "build": "skipped"}
    reused = app.built(again)[0]
    assert (reused.image, reused.reused) == (image, True)
    assert len(builds_of(jenkins, push)) == 1


def told(app: Pushed, own: str | None, since: int) -> dict[str, Any]:
    """What the build itself told the webhook."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since / 1000 - 60))
    search = {"event": "jenkins_build", "since": moment, "match": {"build.parameters.SLIPWAY_BUILD": own}}
    body = json.dumps(search).encode()
    signature = sign_search(body, app.lab.questions_key, int(time.time()))
    headers = {"content-type": "application/json", "x-slipway-signature": signature}
    url = f"{app.lab.airflow.url}/slipway/deliveries/search"
    answer = httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()["delivery"]
    assert found is not None
    return found


def test_what_is_wrong_is_said_once_with_its_cure(app: Pushed, jenkins: PythonJenkins) -> None:
    unstable = pushed(app, TESTS="fail", NAME=secrets.token_hex(6))
    forbidden = pushed(app, job="somebody/elses")
    run = run_with_id(app.airflow, start(app, unstable))
    assert run.state == "failed", run.story
    assert (run.tasks["jenkins"], run.tasks["build"], run.tasks["publish"]) == (
        "failed",
        "upstream_failed",
        "upstream_failed",
    )
    said = error_of(run, "jenkins")
    [build] = builds_of(jenkins, unstable)
    assert f"Jenkins' build {build['number']} of {JOB} is UNSTABLE: it finished, but its tests failed" in said
    assert build["url"] in said
    assert "\n  1 of 3 tests failed: greets_by_name\n" in said
    assert "Traceback" not in "\n".join(run.log("jenkins"))
    assert app.airflow.get_run_events("container_image", run.id) == []

    with as_on_worker(app.lab):
        refused = call(DAG, repository=REPOSITORY, ref=forbidden.ref, commit=forbidden.commit)
    assert refused.states == {"plan": "failed"}
    assert f"{REPOSITORY} may not start Jenkins job 'somebody/elses'" in refused.refused


def error_of(run: Run, task: str) -> str:
    [entry] = run.errors(task)
    [detail] = entry["error_detail"]
    return str(detail["exc_value"])


def test_a_task_that_somebody_ends_aborts_its_build(app: Pushed, jenkins: PythonJenkins) -> None:
    """While it waits it is in the triggerer, which does it."""
    job = f"tests-{secrets.token_hex(4)}/slow"
    parameters = ("SLIPWAY_BUILD",)
    jenkins.make(job, project("sleep 600", parameters=parameters))
    push = pushed(app, job=job)
    run_id = start(app, push)
    path = f"/api/v2/dags/container_image/dagRuns/{run_id}/taskInstances/jenkins"
    until(lambda: app.api.get(path).json()["state"] == "deferred")
    until(lambda: "Jenkins builds:" in text_of(app, run_id))  # the triggerer has it
    answer = app.api.patch(path, json={"new_state": "failed"})
    assert answer.status_code == 200, answer.text
    until(lambda: not jenkins.is_building(job, 1))
    assert jenkins.ended(job, 1).result == "ABORTED"
    jenkins.remove(job.partition("/")[0])
    assert run_with_id(app.airflow, run_id).state == "failed"


def text_of(app: Pushed, run_id: str) -> str:
    return "\n".join(log_lines(app.airflow.get_log("container_image", run_id, "jenkins", 1)))
