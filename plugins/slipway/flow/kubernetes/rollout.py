"""Whether a workload's objects have come to run what they say. Pure: decided from what the API shows.

The rules of completion are those of ``kubectl rollout status``
(https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slipway.flow.kubernetes.objects import Json

RESTARTS = 2
"""A container that ended this many times on its own is taken for a crash loop."""
_REVISION = "deployment.kubernetes.io/revision"
_BROKEN = (
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


@dataclass(frozen=True)
class ObjectProgress:
    """How far one object's rollout is."""

    done: bool = False
    failure: str = ""
    """Why it will not come to an end."""
    may_pass: bool = False
    """The failure may go away by itself in a few seconds."""
    counts: tuple[int, ...] = ()
    """Changes whenever there is progress."""
    text: str = ""


def assess(body: Json, new_pods: Sequence[Json] = ()) -> ObjectProgress:
    """Decide how far ``body`` (a Deployment, StatefulSet or DaemonSet as the API shows it) is.

    :param new_pods: the pods of its newest revision (:func:`newest`); not needed when it is done.
    """
    wanted, updated, ready, old = _counts(body)
    seen = body.get("status", {}).get("observedGeneration", 0) >= body["metadata"].get("generation", 0)
    text = f"{ready} of {wanted} ready" + (f", {old} old" if old else "")
    if seen and updated >= wanted and ready >= wanted and not old:
        return ObjectProgress(done=True, text=text)
    counts = (int(seen), updated, ready, -old, sum(_started(pod) for pod in new_pods))
    failure, may_pass = _broken(new_pods)
    if not failure and seen and _stuck(body):
        failure, may_pass = "no progress within the deadline", False
    return ObjectProgress(failure=failure, may_pass=may_pass, counts=counts, text=text)


def newest(body: Json, replica_sets: Iterable[Json], pods: Iterable[Json]) -> list[Json]:
    """Return the pods of the newest revision of ``body``."""
    label, value = _revision(body, replica_sets)
    if not value:
        return []
    return [pod for pod in pods if pod["metadata"].get("labels", {}).get(label) == value]


def selector(body: Json) -> str:
    """Return the label selector of the object's pods, as the API takes it."""
    chosen = body["spec"].get("selector", {})
    exact = [f"{key}={value}" for key, value in (chosen.get("matchLabels") or {}).items()]
    return ",".join([*exact, *(_expression(one) for one in chosen.get("matchExpressions") or ())])


def _counts(body: Json) -> tuple[int, int, int, int]:
    """Return how many are wanted, new, ready, and old."""
    status, spec = body.get("status", {}), body["spec"]
    if body["kind"] == "DaemonSet":
        wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
        return wanted, updated, min(updated, status.get("numberAvailable", 0)), 0
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    if body["kind"] == "StatefulSet":
        if status.get("updateRevision") == status.get("currentRevision"):
            updated = status.get("replicas", 0)
        return wanted, updated, min(updated, status.get("readyReplicas", 0)), 0
    available = min(updated, status.get("availableReplicas", 0))
    return wanted, updated, available, max(0, status.get("replicas", 0) - updated)


def _stuck(body: Json) -> bool:
    return any(
        condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in body.get("status", {}).get("conditions") or ()
    )


def _revision(body: Json, replica_sets: Iterable[Json]) -> tuple[str, str]:
    if body["kind"] == "StatefulSet":
        return "controller-revision-hash", body.get("status", {}).get("updateRevision", "")
    if body["kind"] == "DaemonSet":
        generation = (
            body["metadata"].get("annotations", {}).get("deprecated.daemonset.template.generation", "")
        )
        return "pod-template-generation", generation
    revision = body["metadata"].get("annotations", {}).get(_REVISION)
    for one in replica_sets:
        owners = {owner.get("uid") for owner in one["metadata"].get("ownerReferences") or ()}
        if (
            body["metadata"].get("uid") in owners
            and one["metadata"]["annotations"].get(_REVISION) == revision
        ):
            return "pod-template-hash", one["metadata"]["labels"].get("pod-template-hash", "")
    return "pod-template-hash", ""


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _started(pod: Json) -> int:
    return sum(bool(one.get("started") or one.get("ready")) for one in _statuses(pod))


def _broken(pods: Iterable[Json]) -> tuple[str, bool]:
    for pod in pods:
        name = pod["metadata"]["name"]
        for status in _statuses(pod):
            state = status.get("state", {})
            waiting = state.get("waiting") or {}
            if status.get("restartCount", 0) >= RESTARTS and waiting.get("reason") == "CrashLoopBackOff":
                return f"container {status['name']} of pod {name} keeps ending{_exit(status)}", False
            if waiting.get("reason") in _BROKEN:
                said = str(waiting.get("message", ""))[:300]
                return f"container {status['name']} of pod {name}: {waiting['reason']}: {said}", True
    return "", False


def _exit(status: Json) -> str:
    ended = status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated") or {}
    return f" (exit code {ended['exitCode']}, {ended.get('reason', '')})" if "exitCode" in ended else ""


def _expression(one: Json) -> str:
    key, values = one["key"], ",".join(one.get("values") or ())
    written = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": str(key)}
    return written.get(one["operator"], f"!{key}")
