"""Real pushes, and what ``container_image`` makes of them: in Airflow, the engine and the registry."""

from __future__ import annotations

import json
import logging
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import docker
import httpx
import pytest

from lab.access import Lab
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL, input_tag
from slipway.flow.image import Built
from slipway.flow.platforms import PIPELINES, PLATFORMS
from slipway.flow.push import PushEvent
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import DAG, REPOSITORY, Pushed, run_of, run_with_id
from tests.registry_images import digest_of, http, tags_of

pytestmark = pytest.mark.lab

IN_ORDER = ("plan", "base_images", "build", "publish")


def leavings(app: Pushed, engine: docker.DockerClient, token: str) -> list[str]:
    """What is left of an application that never built: containers, tags in the engine and in the registry."""
    containers = [one["Id"] for one in engine.api.containers(all=True) if token in one["Command"]]
    tags = [tag for image in engine.images.list() for tag in image.tags if f"/{app.name}:" in tag]
    return containers + tags + tags_of(app.lab.registry, app.place)


def dockerfile(token: str) -> str:
    return f"ARG TAG=1.36\nFROM busybox:$TAG\nCOPY message.txt /\nRUN echo {token} >> /message.txt\n"


def test_a_push_becomes_an_image_and_the_same_inputs_are_not_built_twice(
    app: Pushed, engine: docker.DockerClient
) -> None:
    token = secrets.token_hex(8)
    files = {"slipway.yaml": app.spec, "Dockerfile": dockerfile(token), "message.txt": "hello "}
    first = app.push(files)
    run = app.run(first)
    # The look at the push's commit resolved the base images.
    done = dict.fromkeys(IN_ORDER, "success") | {"base_images": "skipped", "jenkins": "skipped"}
    assert run.tasks == done, run.log("build") + run.log("plan")

    built, key = app.built(run)
    image = built.image
    assert image is not None
    assert (key, built.push.commit, built.platform, built.reused, built.deploy) == (
        first.partition_key,
        first.commit,
        "container",
        False,
        True,
    )
    assert (image.application, image.repository, image.commit) == (app.name, REPOSITORY, first.commit)
    assert image.reference == f"{app.lab['SLIPWAY_REGISTRY']}/{app.place}@{image.digest}"
    assert app.digest(first.commit) == image.digest
    assert app.digest(input_tag(image.input_digest)) == image.digest
    labels = app.labels(image.digest)
    assert labels[REVISION_LABEL] == first.commit
    assert labels[INPUT_LABEL] == image.input_digest
    assert labels["org.opencontainers.image.title"] == app.name
    assert labels["org.opencontainers.image.source"] == f"{app.lab.git.url}/{REPOSITORY}.git"
    assert datetime.fromisoformat(labels["org.opencontainers.image.created"]).tzinfo is not None
    [base] = image.bases
    with http(app.lab.dockerhub) as hub:
        assert base.digest == digest_of(hub, "library/busybox", "1.36")
    assert (base.name, base.served_by) in {("busybox:1.36", "artifactory"), ("busybox:1.36", "docker-hub")}
    log = "\n".join(run.log("build"))
    assert re.search(rf"Step 4/\d+ : RUN echo {token}", log)
    assert f"the registry holds {image.digest} as pushed" in log
    assert app.lab.registry.password not in log
    assert [tag for found in engine.images.list() for tag in found.tags if f"/{app.name}:" in tag] == []

    ran = engine.containers.run(pull(engine, app, image.reference), ["cat", "/message.txt"], remove=True)
    assert ran == f"hello {token}\n".encode()

    again = app.push(files, branch=f"only-by-hand/{app.name}")
    assert again.commit != first.commit
    second = run_with_id(app.airflow, app.start(ref=again.ref, commit=again.commit))
    assert second.tasks == {
        "plan": "success",
        "base_images": "success",
        "jenkins": "skipped",
        "build": "skipped",
        "publish": "success",
    }
    reused, _ = app.built(second)
    assert reused.image is not None
    assert (reused.push.commit, reused.reused) == (again.commit, True)
    assert (reused.image.digest, reused.image.commit) == (image.digest, first.commit)
    assert app.digest(again.commit) == image.digest
    assert [line for line in second.log("base_images") if f"were built at {first.commit[:12]}" in line]
    engine.images.remove(image.reference, force=True)


def pull(engine: docker.DockerClient, app: Pushed, reference: str) -> str:
    login = app.lab.registry
    repository, _, digest = reference.partition("@")
    auth = {"username": login.user, "password": login.password}
    return str(engine.images.pull(repository, tag=digest, auth_config=auth).id)


def test_a_person_builds_the_newest_commit_and_deploys_nothing(app: Pushed) -> None:
    """Two commits of one content: the second's Dockerfile asks for the commit, so each is an image."""
    asking = f"{dockerfile(secrets.token_hex(8))}ARG SLIPWAY_COMMIT\nRUN echo $SLIPWAY_COMMIT > /commit\n"
    files = {"slipway.yaml": app.spec, "Dockerfile": asking, "message.txt": "hello "}
    older = app.push(files, branch=f"only-by-hand/{app.name}")
    newest = app.push(files, branch=f"only-by-hand/{app.name}")
    ids = [app.start(ref=newest.ref), app.start(ref=older.ref, commit=older.commit)]
    of_newest, of_older = (app.built(run_with_id(app.airflow, one))[0] for one in ids)
    assert (of_newest.push.commit, of_older.push.commit) == (newest.commit, older.commit)
    assert (of_newest.deploy, of_older.deploy) == (False, False)
    assert of_newest.image is not None
    assert of_older.image is not None
    assert of_newest.image.digest != of_older.image.digest
    assert app.digest(newest.commit) == of_newest.image.digest
    assert [app.built(run_with_id(app.airflow, one))[1] for one in ids] == ["", ""]


def test_an_application_of_no_platform_passes_with_nothing_and_starts_nothing(app: Pushed) -> None:
    push = app.push({"slipway.yaml": f"version: 1\nname: {app.name}\n"})
    run = run_of(app.airflow, push, "push")
    assert run.tasks == {"look": "success", "outcome": "skipped"}, run.story
    found = [Built.from_json(event["extra"]) for event in app.airflow.get_run_events("push", run.id)]
    assert {(one.platform, one.image) for one in found} == {(name, None) for name in PLATFORMS}
    assert [app.airflow.find_run(dag_id, run.id) for dag_id in (*PIPELINES.values(), "deploy")] == [None] * 4
    assert tags_of(app.lab.registry, app.place) == []
    with httpx.Client(auth=app.lab.artifactory.auth, trust_env=False) as client:
        kept = f"{app.lab.artifactory.url}/api/storage/generic-local/demo/{app.name}"
        assert client.get(kept).status_code == 404


GOOD = "FROM busybox:1.36\nCOPY slipway.yaml /\n"
BAD: dict[str, tuple[str, dict[str, str], str]] = {
    # What is wrong: the task that says so, the files (NAME is the application's), a pattern of what it says.
    "no slipway.yaml": ("plan", {"Dockerfile": GOOD}, "has no slipway.yaml at"),
    "unknown field": (
        "plan",
        {"slipway.yaml": "version: 1\nname: NAME\ncontainr: {}\n", "Dockerfile": GOOD},
        "containr",
    ),
    "no yaml": ("plan", {"slipway.yaml": "version: [\n", "Dockerfile": GOOD}, "slipway.yaml:"),
    "no Dockerfile": ("plan", {"slipway.yaml": "SPEC"}, "Dockerfile is not in the commit"),
    "no FROM": ("plan", {"slipway.yaml": "SPEC", "Dockerfile": "# empty\n"}, "Dockerfile: has no FROM"),
    "Dockerfile is a link": ("plan", {"slipway.yaml": "SPEC"}, "is not a regular file"),
    "context outside": (
        "plan",
        {"slipway.yaml": "version: 1\nname: NAME\ncontainer: {context: outside}\n", "Dockerfile": GOOD},
        "container.context 'outside' is not a folder of the repository",
    ),
    "unknown base": (
        "base_images",
        {"slipway.yaml": "SPEC", "Dockerfile": "FROM never/NAME:1\n"},
        "base image never/NAME:1 is neither in",
    ),
    "foreign registry": (
        "base_images",
        {"slipway.yaml": "SPEC", "Dockerfile": "FROM images.example.org/a/b:1\n"},
        "images.example.org is a registry that Slipway does not use",
    ),
    "failing step": (
        "build",
        {"slipway.yaml": "SPEC", "Dockerfile": f"{GOOD}RUN echo because of NAME; exit 3\nRUN true\n"},
        r"the build failed at Step 3/\d+ : RUN echo because of NAME; exit 3",
    ),
    "file that is not there": (
        "build",
        {"slipway.yaml": "SPEC", "Dockerfile": f"{GOOD}COPY absent /\n"},
        r"the build failed at Step 3/\d+ : COPY absent /: .*file does not exist",
    ),
}
LINKS = {"Dockerfile is a link": {"Dockerfile": "/etc/passwd"}, "context outside": {"outside": "/etc"}}
REAL = "failing step"
"""The case that Airflow itself runs: what it makes of a task that refuses."""


def pushed(app: Pushed, case: str) -> PushEvent:
    """Push what is wrong in a case, to a branch that nothing happens for."""
    texts = {
        name: (app.spec if text == "SPEC" else text).replace("NAME", app.name)
        for name, text in BAD[case][1].items()
    }
    return app.push(texts, f"only-by-hand/{app.name}", links=LINKS.get(case))


@pytest.mark.parametrize("case", [case for case in BAD if case != REAL])
def test_bad_input_fails_at_once_with_one_clear_error_and_leaves_nothing(
    app: Pushed, case: str, engine: docker.DockerClient, caplog: pytest.LogCaptureFixture
) -> None:
    failing, _, said = BAD[case]
    push = pushed(app, case)
    with as_on_worker(app.lab), caplog.at_level(logging.INFO):
        ended = call(DAG, repository=push.repository, ref=push.ref, commit=push.commit)
    at = IN_ORDER.index(failing)
    states = dict(zip(IN_ORDER, [*["success"] * at, "failed"], strict=False))
    assert ended.states == states | ({"jenkins": "skipped"} if at > 1 else {})
    assert re.search(said.replace("NAME", app.name), ended.refused), ended.refused
    assert "Traceback" not in caplog.text
    assert app.lab.git.password not in caplog.text + ended.refused
    assert leavings(app, engine, app.name) == []


def test_airflow_ends_a_refused_build_at_once_and_starts_nothing_after_it(
    app: Pushed, engine: docker.DockerClient
) -> None:
    failing, _, said = BAD[REAL]
    push = pushed(app, REAL)
    run = run_with_id(app.airflow, app.start(ref=push.ref, commit=push.commit))
    at = IN_ORDER.index(failing)
    assert run.state == "failed", run.story
    assert [run.tasks[task] for task in IN_ORDER] == [
        *["success"] * at,
        "failed",
        *["upstream_failed"] * (len(IN_ORDER) - at - 1),
    ]
    assert run.tries[failing] == 1, run.story
    [entry] = run.errors(failing)
    [detail] = entry["error_detail"]
    assert detail["exc_type"] == "AirflowFailException"
    assert re.search(said.replace("NAME", app.name), detail["exc_value"])
    assert "Traceback" not in "\n".join(run.log(failing))
    assert app.lab.git.password not in json.dumps(app.airflow.get_log(DAG, run.id, failing, 1))
    assert app.airflow.get_run_events(DAG, run.id) == []
    assert leavings(app, engine, app.name) == []


def test_a_commit_that_was_force_pushed_away_fails_at_once(app: Pushed) -> None:
    files = {"slipway.yaml": app.spec, "Dockerfile": GOOD}
    gone = app.push(files, branch=f"only-by-hand/gone-{app.name}")
    kept = app.push({**files, "more": "x"}, branch=f"only-by-hand/kept-{app.name}")
    app.source.push(kept.commit, f"only-by-hand/gone-{app.name}")
    objects = app.lab.state / "git" / f"{REPOSITORY}.git" / "objects"
    forget(objects, gone.commit, kept.commit)
    with as_on_worker(app.lab):
        ended = call(DAG, repository=REPOSITORY, ref=gone.ref, commit=gone.commit)
    assert ended.states == {"plan": "failed"}
    assert f"no longer has commit {gone.commit}: it was force-pushed away" in ended.refused


def forget(objects: Path, commit: str, child: str) -> None:
    """Have the server lose a commit that no ref names, as its clean-up does."""
    assert child != commit
    (objects / commit[:2] / commit[2:]).unlink()


NOTHING_TO_BUILD = (
    ({"repository": ""}, "no repository was given"),
    ({"ref": "refs/heads/never-was"}, "has no ref 'refs/heads/never-was'"),
    ({"ref": "refs/heads/a..b"}, "must be a valid Git ref"),
    ({"commit": "1" * 40}, f"no longer has commit {'1' * 40}"),
)


@pytest.mark.parametrize(("params", "said"), NOTHING_TO_BUILD)
def test_a_form_that_names_nothing_to_build_is_told_so(lab: Lab, params: dict[str, str], said: str) -> None:
    with as_on_worker(lab):
        ended = call(DAG, **{"repository": REPOSITORY, **params})
    assert ended.states == {"plan": "failed"}
    assert said in ended.refused


def test_a_form_with_a_bad_field_starts_no_run(app: Pushed) -> None:
    for conf, rule in (
        ({"repository": "tests/unknown"}, "'tests/unknown' is not one of ["),
        ({"repository": REPOSITORY, "commit": "HEAD"}, "40 digits"),
        ({"deploy": "yes"}, "'yes' is not of type 'boolean'"),
    ):
        body = {"logical_date": None, "conf": conf, "dag_run_id": f"refused-{datetime.now(UTC).timestamp()}"}
        answer = app.api.post(f"/api/v2/dags/{DAG}/dagRuns", json=body)
        assert answer.status_code == 400, answer.text
        assert rule in answer.json()["detail"]
        assert app.api.get(f"/api/v2/dags/{DAG}/dagRuns/{body['dag_run_id']}").status_code == 404
