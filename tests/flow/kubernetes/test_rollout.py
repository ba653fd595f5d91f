"""When a rollout is done, when it is stuck, and which pods are its own."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.flow.kubernetes.rollout import assess, newest, selector

Json = dict[str, Any]


def deployment(replicas: int = 2, generation: int = 2, **status: Any) -> Json:
    return {
        "kind": "Deployment",
        "metadata": {
            "uid": "u",
            "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": "7"},
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "shop"}}},
        "status": {"observedGeneration": 2} | status,
    }


DONE = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def pod(name: str = "p", labels: Json | None = None, **status: Any) -> Json:
    container = {"name": "shop", "restartCount": 0, "ready": False, "state": {"running": {}}} | status
    return {"metadata": {"name": name, "labels": labels or {}}, "status": {"containerStatuses": [container]}}


def waiting(reason: str, restarts: int = 0) -> Json:
    return pod(restartCount=restarts, state={"waiting": {"reason": reason, "message": "said"}})


def test_done_when_all_are_new_and_available() -> None:
    assert assess(deployment(**DONE)).done


@pytest.mark.parametrize(
    "body",
    [
        deployment(generation=3, **DONE),
        deployment(**DONE | {"updatedReplicas": 1}),
        deployment(**DONE | {"availableReplicas": 1}),
        deployment(**DONE | {"replicas": 3}),
        deployment(),
    ],
    ids=["not seen yet", "one old", "one not available", "an old one still there", "nothing known"],
)
def test_not_done(body: Json) -> None:
    assert not assess(body).done
    assert not assess(body).failure


def test_no_replicas_wanted_is_done_at_once() -> None:
    assert assess(deployment(replicas=0)).done


def test_stateful_set_is_done_when_all_are_of_the_new_revision() -> None:
    body = {
        "kind": "StatefulSet",
        "metadata": {"generation": 1},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 1,
            "replicas": 2,
            "readyReplicas": 2,
            "updatedReplicas": 1,
            "updateRevision": "b",
            "currentRevision": "a",
        },
    }
    assert not assess(body).done
    body["status"] |= {"updatedReplicas": 2, "currentRevision": "b"}
    assert assess(body).done


def test_daemon_set_is_done_when_every_node_has_the_new_one() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}
    body: Json = {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": status}
    assert not assess(body).done
    status["numberAvailable"] = 3
    assert assess(body).done


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError", "InvalidImageName"])
def test_container_that_cannot_start_is_a_failure_that_may_pass(reason: str) -> None:
    progress = assess(deployment(), [waiting(reason)])
    assert reason in progress.failure
    assert "said" in progress.failure
    assert progress.may_pass


def test_crash_loop_is_a_failure_for_good() -> None:
    progress = assess(deployment(), [waiting("CrashLoopBackOff", restarts=2)])
    assert "keeps ending" in progress.failure
    assert not progress.may_pass


@pytest.mark.parametrize("one", [waiting("ContainerCreating"), waiting("CrashLoopBackOff", 1), pod()])
def test_container_that_only_starts_is_no_failure(one: Json) -> None:
    assert not assess(deployment(), [one]).failure


def test_deadline_of_the_cluster_is_a_failure() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    assert "deadline" in assess(deployment(conditions=[condition])).failure


def test_counts_change_with_progress() -> None:
    some = assess(deployment(updatedReplicas=1)).counts
    assert some != assess(deployment(updatedReplicas=2)).counts
    assert some != assess(deployment(updatedReplicas=1), [pod(ready=True)]).counts


def test_newest_pods_are_those_of_the_replica_set_with_the_revision() -> None:
    def replica_set(revision: str, template: str, uid: str = "u") -> Json:
        return {
            "metadata": {
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "labels": {"pod-template-hash": template},
                "ownerReferences": [{"uid": uid}],
            }
        }

    sets = [replica_set("7", "foreign", "other"), replica_set("6", "old"), replica_set("7", "new")]
    pods = [pod(name, {"pod-template-hash": name}) for name in ("old", "new", "foreign")]
    assert [one["metadata"]["name"] for one in newest(deployment(), sets, pods)] == ["new"]
    assert newest(deployment(), [], pods) == []


def test_selector_is_written_as_the_api_takes_it() -> None:
    body = deployment()
    body["spec"]["selector"]["matchExpressions"] = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "beta", "operator": "DoesNotExist"},
    ]
    assert selector(body) == "app=shop,tier in (a,b),!beta"
