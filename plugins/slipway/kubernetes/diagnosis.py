"""The diagnosis of a failed rollout for a person: events, states and last log lines, in the task's log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from slipway.flow.kubernetes.objects import Json, ObjectRef
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import ClusterError, TransientClusterError
from slipway.kubernetes.watch import KubernetesWatch, new_pods

log = logging.getLogger(__name__)

LOG_LINES = 50
PODS = 3
EVENTS = 15
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


async def diagnose(cluster: Cluster, watch: KubernetesWatch) -> None:
    """Log the cluster's reports about the new version; never fails itself."""
    for ref in watch.objects:
        try:
            await _object(cluster, watch.namespace, ref)
        except (ClusterError, TransientClusterError) as error:
            log.warning("no more is known about %s: %s", ref, error)


async def _object(cluster: Cluster, namespace: str, ref: ObjectRef) -> None:
    body = await cluster.find(ref, namespace)
    if body is None:
        return
    for condition in body.get("status", {}).get("conditions") or ():
        log.info(
            "%s: %s=%s %s", ref, condition["type"], condition["status"], _plain(condition.get("message", ""))
        )
    pods = [pod for pod in await new_pods(cluster, namespace, body) if not _is_ready(pod)]
    if not pods:
        await _events(cluster, namespace, ref.name)
    for pod in pods[:PODS]:
        await _pod(cluster, namespace, pod)
    if len(pods) > PODS:
        log.info("and %d more pods that are not ready", len(pods) - PODS)


async def _pod(cluster: Cluster, namespace: str, pod: Json) -> None:
    name = pod["metadata"]["name"]
    log.info("pod %s is %s", name, pod.get("status", {}).get("phase"))
    await _events(cluster, namespace, name)
    for status in pod.get("status", {}).get("containerStatuses") or ():
        log.info("container %s of %s: %s", status["name"], name, "; ".join(_states(status)))
        ended = bool((status.get("state") or {}).get("waiting")) and status.get("restartCount", 0) > 0
        text = await cluster.log(namespace, name, status["name"], LOG_LINES, previous=ended)
        lines = [_plain(line) for line in text.splitlines()]
        log.info("the last lines of its log:%s", "" if lines else " it is empty")
        for line in lines:
            log.info("    %s", line)


async def _events(cluster: Cluster, namespace: str, name: str) -> None:
    for event in (await cluster.events(namespace, name))[-EVENTS:]:
        count = f" ({event['count']} times)" if (event.get("count") or 1) > 1 else ""
        log.info(
            "event %s %s%s: %s",
            event.get("type"),
            event.get("reason"),
            count,
            _plain(event.get("message", "")),
        )


def _states(status: Json) -> Iterator[str]:
    yield f"{status.get('restartCount', 0)} restarts"
    for when in ("state", "lastState"):
        for kind, about in (status.get(when) or {}).items():
            code = f" with exit code {about['exitCode']}" if "exitCode" in about else ""
            reason = f" ({about['reason']})" if about.get("reason") else ""
            yield f"{'now' if when == 'state' else 'before'} {kind}{code}{reason}"


def _is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _plain(text: str) -> str:
    return _CONTROL.sub("", text)[:1000]
