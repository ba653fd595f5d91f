"""Real pushes from Git to pods that answer: rolled out, taken back, superseded, refused."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from lab.access import Lab
from slipway.cli.query import get_status
from slipway.cli.status import PlatformStatus
from slipway.flow.deployment import Deployment
from slipway.flow.push import PushEvent
from tests.dags.in_process import as_on_worker, build_container, call
from tests.dags.pushing import Pushed, Run, application, run_with_id

pytestmark = pytest.mark.lab

DOCKERFILE = """\
FROM busybox:1.36
COPY answer /www/index.html
COPY start /start
USER 65534
CMD ["/bin/sh", "/start"]
"""
SERVE = "trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait\n"
CRASH = "echo no database at db:5432; exit 3\n"
KUBERNETES = """\
    service: NodePort
    ports: [{name: http, container: 8080}]
    resources: {cpu: 10m, memory: 16Mi}
    probes: {readiness: {http: /, period_seconds: 1}}
    health: {path: /, within_seconds: 10}
"""
IDLE = {
    f"{platform}.{task}": "skipped" for platform in ("vm", "bare_metal") for task in ("rollout", "go_back")
} | {"approve": "skipped"}
"""Branches of platforms that the application does not declare; nobody is asked."""


def files(app: Pushed, answer: str, start: str = SERVE, kubernetes: str = KUBERNETES) -> dict[str, str]:
    spec = f"version: 1\nname: {app.name}\ncontainer:\n  kubernetes:\n{kubernetes}"
    return {"slipway.yaml": spec, "Dockerfile": DOCKERFILE, "answer": f"{answer}\n", "start": start}


def release(app: Pushed, content: dict[str, str]) -> tuple[PushEvent, Run]:
    """Have the image of a new commit, and deploy it as a person does."""
    push = app.push(content, f"built-{app.name}-{len(app.branches)}")
    build_container(app.lab, push)
    run_id = app.start("deploy", commit=push.commit, environment="staging")
    return push, run_with_id(app.airflow, run_id, "deploy")


def deployment(run: Run) -> Deployment:
    [event] = run.airflow.get_run_events("deploy", run.id)
    return Deployment.from_json(event["extra"])


def objects(app: Pushed, kinds: str = "deployment,service,configmap") -> dict[str, dict[str, Any]]:
    """What the cluster itself says that the application has, by kind and name; Slipway's record left out."""
    command = ["kubectl", f"--kubeconfig={app.lab.kubeconfig}", "--namespace=demo", "get", kinds]
    selector = f"--selector=slipway.io/application={app.name}"
    done = subprocess.run([*command, selector, "-o", "json"], check=True, capture_output=True, timeout=60)
    found = json.loads(done.stdout)["items"]
    return {
        f"{one['kind']}/{one['metadata']['name']}": one
        for one in found
        if not one["metadata"]["name"].endswith(".slipway")
    }


def answer(run: Run) -> str:
    return httpx.get(deployment(run).url, timeout=5, trust_env=False).text.strip()


@dataclass(frozen=True)
class Step:
    """A release, and what there was of the application when its run had ended."""

    push: PushEvent
    run: Run
    objects: dict[str, dict[str, Any]]
    pods: set[str]
    answer: str
    """Where the first release answers."""


@dataclass(frozen=True)
class Story:
    """The releases of one application, one after the other."""

    app: Pushed
    status: PlatformStatus
    """What `slipway status` said of the first when it was the only one."""
    first: Step
    same: Step
    crashing: Step
    less: Step
    again: Step


@pytest.fixture(scope="module")
def story(lab: Lab, airflow_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A push; then, by hand, the same inputs, a version that crashes, one with less, and the first again."""
    with application(lab, airflow_api, tmp_path_factory.mktemp("story") / "work") as app:
        config = "    config: {a: {mount: /etc/a, data: {b: c}}}\n"
        content = files(app, "one", kubernetes=KUBERNETES + config) | {
            ".dockerignore": "notes\n",
            "notes": "a",
        }
        push = app.push(content, f"feature/{app.name}")
        built = app.run(push)
        assert built.state == "success", built.story
        run = app.deployed(push)
        status = get_status(app.airflow, push.partition_key).platforms["container"]
        url = deployment(run).url
        first = _step(app, url, push, run)
        same = _step(app, url, *release(app, content | {"notes": "b"}))
        crashing = _step(app, url, *release(app, files(app, "two", CRASH)))
        less = _step(app, "", *release(app, files(app, "one", kubernetes="    replicas: 0\n")))
        started = app.start("deploy", ref=push.ref, commit=push.commit)
        run = run_with_id(app.airflow, started, "deploy")
        again = _step(app, deployment(run).url, push, run)
        yield Story(app, status, first, same, crashing, less, again)


def _step(app: Pushed, url: str, push: PushEvent, run: Run) -> Step:
    said = httpx.get(url, timeout=5, trust_env=False).text.strip() if url else ""
    return Step(push, run, objects(app), set(objects(app, "pods")), said)


def test_push_runs_answers_and_is_told(story: Story) -> None:
    app, push, run = story.app, story.first.push, story.first.run
    assert run.state == "success", run.story
    assert run.tasks == {
        "release": "success",
        "container.rollout": "success",
        "keep": "skipped",
        "all_ended": "success",
        "one_failed": "skipped",
        "container.go_back": "skipped",
        "released": "success",
        "promote": "skipped",
        **IDLE,
    }
    done = deployment(run)
    assert (done.push.commit, done.environment, done.replaced) == (push.commit, "staging", None)
    assert done.where == f"demo/deployment/{app.name}"
    assert story.first.answer == "one"

    running = story.first.objects[f"Deployment/{app.name}"]
    container = running["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == done.image.reference
    assert container["image"].endswith(app.digest(push.commit))
    assert running["metadata"]["annotations"]["slipway.io/commit"] == push.commit

    status = story.status
    assert (status.state, status.digest, status.running) == ("running", done.image.digest, done.where)


def test_unchanged_inputs_change_no_pod(story: Story) -> None:
    first, second = story.first, story.same
    assert second.run.state == "success", second.run.story
    assert second.pods == first.pods
    assert deployment(second.run).image.digest == deployment(first.run).image.digest
    running = second.objects[f"Deployment/{story.app.name}"]
    assert running["metadata"]["annotations"]["slipway.io/commit"] == second.push.commit


def test_version_that_crashes_is_explained_and_the_one_before_serves_on(story: Story) -> None:
    before, second = story.same, story.crashing.run
    assert second.state == "failed", second.story
    assert second.tasks == {
        "release": "success",
        "container.rollout": "failed",
        "keep": "upstream_failed",
        "all_ended": "success",
        "one_failed": "success",
        "container.go_back": "success",
        "released": "upstream_failed",
        "promote": "skipped",
        **IDLE,
    }
    assert second.tries["container.rollout"] == 1, second.story
    log = "\n".join(second.log("container.rollout"))
    assert "exit code 3" in log
    assert "    no database at db:5432" in log
    assert "event Warning BackOff" in log
    back = "\n".join(second.log("container.go_back"))
    assert "The previous version was restored and serves" in back
    came_upon, tried = deployment(before.run).push.short_commit, story.crashing.push.short_commit
    assert re.search(
        rf"^container +{came_upon} \(sha256:\w+\) +{tried} \(.*\) +{came_upon} .*healthy$", back, re.M
    )
    assert story.crashing.answer == "one"
    after = story.crashing.objects
    assert after.keys() == before.objects.keys()
    image = [one["spec"]["template"]["spec"]["containers"][0]["image"] for one in after.values() if
             one["kind"] == "Deployment"]  # fmt: skip
    assert image == [deployment(before.run).image.reference]


def test_what_the_new_version_declares_no_longer_is_removed(story: Story) -> None:
    kinds = [name.partition("/")[0] for name in story.first.objects]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "Service"]
    assert story.less.run.state == "success", story.less.run.story
    assert list(story.less.objects) == [f"Deployment/{story.app.name}"]


def test_person_deploys_a_commit_that_was_built_before(story: Story) -> None:
    assert story.again.run.state == "success", story.again.run.story
    assert story.again.answer == "one"


def test_first_version_that_fails_leaves_nothing(app: Pushed) -> None:
    _, run = release(app, files(app, "one", kubernetes=KUBERNETES.replace("path: /,", "path: /missing,")))
    assert run.state == "failed", run.story
    log = "\n".join(run.log("container.rollout"))
    assert "/missing did not answer 200 within 10 s (the last time: 404)" in log
    assert "There was no previous version; nothing of this one remains" in "\n".join(
        run.log("container.go_back")
    )
    assert objects(app) == {}


OWN = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}{more}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - {{name: {name}, image: x, ports: [{{name: http, containerPort: 8080}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{type: NodePort, selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
"""
MANIFESTS = "    manifests: [app.yaml]\n    health: {path: /}\n"


def test_own_manifests_run_the_image_by_digest(app: Pushed) -> None:
    own = {"app.yaml": OWN.format(name=app.name, more="")}
    _, run = release(app, files(app, "own", kubernetes=MANIFESTS) | own)
    assert run.state == "success", "\n".join(run.log("container.rollout"))
    assert answer(run) == "own"


REFUSED = {
    "another namespace": (
        OWN.replace("{more}", ", namespace: other"),
        "app.yaml:3: metadata.namespace: must be 'demo', the namespace of this environment",
    ),
    "cluster-scoped kind": (
        OWN.replace("{more}", "") + "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: mine}}}}\n",
        "'Namespace' may not be deployed by an application",
    ),
}


def refused(app: Pushed, case: str) -> tuple[dict[str, str], str]:
    """Return what an application of a case commits, and what is said of it."""
    manifest, said = REFUSED[case]
    return files(app, "own", kubernetes=MANIFESTS) | {"app.yaml": manifest.format(name=app.name)}, said


def test_manifest_that_reaches_out_is_refused_before_anything_is_applied(app: Pushed) -> None:
    content, said = refused(app, "another namespace")
    _, run = release(app, content)
    assert run.state == "failed", run.story
    assert run.tries["release"] == 1, run.story
    assert said in "\n".join(run.log("release"))
    assert objects(app) == {}


def test_manifest_of_a_kind_that_is_no_matter_of_an_application_is_refused(app: Pushed) -> None:
    content, said = refused(app, "cluster-scoped kind")
    push = app.push(content, f"built-{app.name}")
    build_container(app.lab, push)
    assert said in refusal(app, push)


def test_commit_that_was_never_built_names_the_cure(app: Pushed) -> None:
    push = app.push(files(app, "never"), f"built-{app.name}-not")
    assert "has no image of" in refusal(app, push)


def refusal(app: Pushed, push: PushEvent) -> str:
    """Return why a commit's release is refused, by what decides about it before anything is applied."""
    asked = {"repository": push.repository, "ref": push.ref, "commit": push.commit}
    with as_on_worker(app.lab):
        ended = call("deploy", only=("release",), **asked, environment="staging")
    assert ended.states == {"release": "failed"}
    return ended.refused
