"""Real pushes from Git to pods that answer: rolled out, taken back, superseded, refused."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import httpx
import pytest

from slipway.cli.query import get_status
from slipway.flow.deployment import Deployment
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, run_with_id

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


def deploy(app: Pushed, content: dict[str, str]) -> tuple[PushEvent, Run]:
    push = app.push(content, f"feature/{app.name}")
    built = app.run(push)
    assert built.state == "success", built.story
    return push, app.deployed(push)


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


def test_push_runs_answers_and_is_told(app: Pushed) -> None:
    push, run = deploy(app, files(app, "one"))
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
    assert answer(run) == "one"

    running = objects(app)[f"Deployment/{app.name}"]
    container = running["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == done.image.reference
    assert container["image"].endswith(app.digest(push.commit))
    assert running["metadata"]["annotations"]["slipway.io/commit"] == push.commit

    status = get_status(app.airflow, push.partition_key).platforms["container"]
    assert (status.state, status.digest, status.running) == ("running", done.image.digest, done.where)


def test_version_that_crashes_is_explained_and_the_one_before_serves_on(app: Pushed) -> None:
    _, first = deploy(app, files(app, "one"))
    before = objects(app)
    push, second = deploy(app, files(app, "two", CRASH))

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
    assert "The previous version is back and serves" in back
    came_upon, tried = deployment(first).push.short_commit, push.short_commit
    assert re.search(
        rf"^container +{came_upon} \(sha256:\w+\) +{tried} \(.*\) +{came_upon} .*healthy$", back, re.M
    )
    assert answer(first) == "one"
    after = objects(app)
    assert after.keys() == before.keys()
    image = [one["spec"]["template"]["spec"]["containers"][0]["image"] for one in after.values() if
             one["kind"] == "Deployment"]  # fmt: skip
    assert image == [deployment(first).image.reference]


def test_first_version_that_fails_leaves_nothing(app: Pushed) -> None:
    _, run = deploy(app, files(app, "one", kubernetes=KUBERNETES.replace("path: /,", "path: /missing,")))
    assert run.state == "failed", run.story
    log = "\n".join(run.log("container.rollout"))
    assert "/missing did not answer 200 within 10 s (the last time: 404)" in log
    assert "There was no version before; nothing of this one is left" in "\n".join(
        run.log("container.go_back")
    )
    assert objects(app) == {}


def test_what_the_new_version_declares_no_longer_is_removed(app: Pushed) -> None:
    config = "    config: {a: {mount: /etc/a, data: {b: c}}}\n"
    deploy(app, files(app, "one", kubernetes=KUBERNETES + config))
    kinds = [name.partition("/")[0] for name in objects(app)]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "Service"]
    _, run = deploy(app, files(app, "one", kubernetes="    replicas: 0\n"))
    assert run.state == "success", run.story
    assert list(objects(app)) == [f"Deployment/{app.name}"]


def test_unchanged_inputs_change_no_pod(app: Pushed) -> None:
    content = files(app, "one") | {".dockerignore": "notes\n", "notes": "a"}
    _, first = deploy(app, content)
    pods = objects(app, "pods")
    push, second = deploy(app, content | {"notes": "b"})
    assert second.state == "success", second.story
    assert objects(app, "pods").keys() == pods.keys()
    assert deployment(second).image.digest == deployment(first).image.digest
    running = objects(app)[f"Deployment/{app.name}"]
    assert running["metadata"]["annotations"]["slipway.io/commit"] == push.commit


def test_of_pushes_in_a_row_the_newest_is_what_runs(app: Pushed) -> None:
    branch = f"feature/{app.name}"
    pushes = [app.push(files(app, f"number {number}"), branch) for number in range(3)]
    ends = []
    for push in pushes:
        app.built(app.run(push))
        ends.append(app.deployed(push))
    assert ends[-1].state == "success"
    assert answer(ends[-1]) == "number 2"
    for end in ends[:-1]:
        assert end.tasks["container.rollout"] in ("success", "skipped")
        if end.tasks["container.rollout"] == "skipped":
            assert re.search("is newer|superseded by", "\n".join(end.log("container.rollout")))


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
    _, run = deploy(app, files(app, "own", kubernetes=MANIFESTS) | own)
    assert run.state == "success", "\n".join(run.log("container.rollout"))
    assert answer(run) == "own"


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (OWN.replace("{more}", ", namespace: other"), "app.yaml:3: metadata.namespace: is another namespace"),
        (
            OWN.replace("{more}", "")
            + "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: mine}}}}\n",
            "'Namespace' may not be deployed by an application",
        ),
    ],
    ids=["another namespace", "cluster-scoped kind"],
)
def test_manifest_that_reaches_out_is_refused_before_anything_is_applied(
    app: Pushed, manifest: str, said: str
) -> None:
    own = {"app.yaml": manifest.format(name=app.name)}
    _, run = deploy(app, files(app, "own", kubernetes=MANIFESTS) | own)
    assert run.state == "failed", run.story
    assert run.tries["release"] == 1, run.story
    assert said in "\n".join(run.log("release"))
    assert objects(app) == {}


def test_person_deploys_a_commit_that_was_built_before(app: Pushed) -> None:
    push, first = deploy(app, files(app, "one"))
    deploy(app, files(app, "two"))
    run = run_with_id(app.airflow, app.start("deploy", ref=push.ref, commit=push.commit), "deploy")
    assert run.state == "success", run.story
    assert answer(first) == "one"


def test_commit_that_was_never_built_names_the_cure(app: Pushed) -> None:
    commit = app.source.commit(files(app, "never"))
    push = app.source.push(commit, f"unbuilt-{app.name}")
    app.branches.append(f"unbuilt-{app.name}")
    run = run_with_id(app.airflow, app.start("deploy", ref=push.ref, commit=commit), "deploy")
    assert run.state == "failed", run.story
    assert "has no image of" in "\n".join(run.log("release"))
    assert objects(app) == {}
