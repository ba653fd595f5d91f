"""Pushes in the lab: together, late, paused, on request; each ends where its ref points to."""

from __future__ import annotations

import secrets

import pytest

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, run_of, run_with_id, wait_for_runs

pytestmark = pytest.mark.lab


def files(app: Pushed, salt: str) -> dict[str, str]:
    return {"slipway.yaml": app.spec, "Dockerfile": f"FROM busybox:1.36\nRUN echo {salt}\n"}


def test_branch_and_tag_pushed_together_are_both_deployed_and_built_once(app: Pushed) -> None:
    commit = app.source.commit(files(app, f"{secrets.token_hex(4)}; sleep 5"))
    branch, tag = f"refs/heads/feature/{app.name}", f"refs/tags/v-{app.name}"
    app.branches.append(branch.removeprefix("refs/heads/"))
    app.deploys = True
    app.source.copy._git("push", "--quiet", "origin", f"{commit}:{branch}", f"{commit}:{tag}")
    key = PushEvent(repository=app.source.repository, ref=branch, commit=commit).partition_key
    try:
        looks = wait_for_runs(app.airflow, PUSH, key, 2)
        assert {run["conf"]["push"]["ref"] for run in looks} == {branch, tag}
        deploys = wait_for_runs(app.airflow, DEPLOY, key, 2)
        assert {run["dag_run_id"] for run in deploys} == {run["dag_run_id"] for run in looks}
        ended = [run_with_id(app.airflow, run["dag_run_id"], DEPLOY) for run in deploys]
        assert [run.state for run in ended] == ["success", "success"], [run.story for run in ended]
        # The one that was looked at late may have found the image.
        known = [app.airflow.find_run("container_image", run["dag_run_id"]) for run in looks]
        builds = [run_with_id(app.airflow, run["dag_run_id"]) for run in known if run]
        assert sum("Step 2/" in "\n".join(run.log("build")) for run in builds) == 1
        waited = ["waiting for it" in "\n".join(run.log("plan")) for run in builds]
        found = ["built meanwhile" in "\n".join(run.log("build")) for run in builds]
        assert waited == found
    finally:
        app.source.copy._git("push", "--quiet", "origin", f":{tag}")


def test_push_whose_branch_went_on_before_it_was_looked_at_builds_nothing(app: Pushed) -> None:
    """The pushes follow each other faster than Airflow starts tasks: those in between may be superseded."""
    branch = f"feature/{app.name}"
    pushes = [app.push(files(app, f"{app.name} {number}"), branch) for number in range(4)]
    looks = [run_of(app.airflow, push, PUSH) for push in pushes]
    assert [look.state for look in looks] == ["success"] * 4
    last = run_of(app.airflow, pushes[-1], DEPLOY)
    assert last.state == "success", last.story
    for look in looks[:-1]:
        if look.tasks["look"] == "skipped":
            assert "points to " in "\n".join(look.log("look"))
            assert app.airflow.find_run("container_image", look.id) is None


def test_push_on_request_is_followed_and_a_commit_that_is_not_on_the_ref_is_refused(app: Pushed) -> None:
    branch = f"only-by-hand/{app.name}"
    push = app.push(files(app, app.name), branch)
    asked = run_with_id(app.airflow, app.start(PUSH, ref=push.ref, commit=push.commit, deploy=False), PUSH)
    assert asked.state == "success", asked.story
    assert asked.tasks == {"look": "success", "outcome": "success"}
    built = run_of(app.airflow, push)
    assert (built.state, built.tasks["build"]) == ("success", "success"), built.story
    other = app.push(files(app, f"{app.name} other"), f"only-by-hand/other-{app.name}")
    refused = run_with_id(app.airflow, app.start(PUSH, ref=push.ref, commit=other.commit), PUSH)
    assert refused.state == "failed"
    said = str(refused.errors("look"))
    assert f"commit {other.short_commit} is not on {push.ref} of {push.repository}" in said


@pytest.mark.alone
def test_what_is_pushed_during_a_pause_is_taken_up_after_it(app: Pushed) -> None:
    """The newest of the ref, by itself: nobody sends anything again."""

    def pause(dag_id: str, paused: bool) -> None:
        answer = app.api.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": paused})
        assert answer.status_code == 200, answer.text

    branch, ended = f"feature/{app.name}", list[Run]()
    for dag_id in ("container_image", DEPLOY):
        pause(dag_id, True)
        try:
            pushes = [app.push(files(app, f"{dag_id} {app.name} {number}"), branch) for number in range(2)]
            waiting = wait_for_runs(app.airflow, dag_id, pushes[1].partition_key, 1)
            assert waiting[0]["state"] == "queued"
        finally:
            pause(dag_id, False)
        ended.append(run_of(app.airflow, pushes[1], DEPLOY))
    assert [run.state for run in ended] == ["success", "success"], [run.story for run in ended]
