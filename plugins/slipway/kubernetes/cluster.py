"""One cluster's API, as far as a deployment needs it.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.flow.kubernetes.objects import KEPT, KINDS, Json, ObjectKind, ObjectRef, mapping
from slipway.kubernetes.api import Api, message
from slipway.kubernetes.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    TransientClusterError,
)

CONNECTION = "slipway_kubernetes"
FIELD_MANAGER = "slipway"
LOG_BYTES = 64 * 1024

_CONFIG_MAP = KINDS["v1", "ConfigMap"]
_WHILE_OTHERS_WRITE = retry(  # the cluster's controllers write the object, too
    retry=retry_if_exception_type(ClusterConflictError),
    stop=stop_after_attempt(8),
    wait=wait_random_exponential(multiplier=0.05, max=2),
    reraise=True,
)


class Cluster:
    """A connection to one cluster; what it is asked for is always inside one namespace, but for nodes.

    :param connection: name of the connection of Airflow's, for errors.
    """

    def __init__(self, client: Any, connection: str = CONNECTION) -> None:
        self._api = Api(client, connection, "deployer.yaml for this namespace")

    def address(self, ref: ObjectRef, namespace: str) -> str:
        """Return the object's address in the cluster's API."""
        return f"{self._api.host}{_path(ref, namespace)}"

    async def find(self, ref: ObjectRef, namespace: str) -> Json | None:
        """Return an object, or None when there is none."""
        return await self._find(_path(ref, namespace))

    async def apply(self, body: Json, namespace: str) -> Json:
        """Make an object as ``body`` says, taking over fields that others set.

        :raises ClusterRefusedError: when the cluster does not take it: its text says what is wrong.
        """
        ref = ObjectRef.of(body)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        path, kind = _path(ref, namespace), "application/apply-patch+yaml"
        status, answer = await self._api.ask("PATCH", path, query, body, content_type=kind)
        if status == 422 and await self._written_over(body, path):
            status, answer = await self._api.ask("PATCH", path, query, body, content_type=kind)
        if status in (200, 201):
            return _object(answer)
        if status == 404:
            raise ClusterRefusedError(
                f"{ref} cannot be applied to namespace {namespace}: {message(answer)}. "
                f"Create the namespace, or use a version of {ref.kind} that this cluster serves."
            )
        raise ClusterRefusedError(f"the cluster refuses {ref}: {message(answer)}. Correct it and push again")

    async def _written_over(self, body: Json, path: str) -> bool:
        """Write the object as a whole; say whether the cluster took it.

        Server-side apply removes the fields that are declared no longer, and leaves behind the defaults that
        the API server had put beside them: of a probe that was dropped a probe without a port remains, which
        is invalid. What the API server then notes as written by an update is taken out of its notes again:
        those fields would otherwise never be removed by a later apply.
        """
        if not await self._put_over(body, path):
            return False
        await self._forget_update(path)
        return True

    @_WHILE_OTHERS_WRITE
    async def _put_over(self, body: Json, path: str) -> bool:
        if (live := await self._find(path)) is None:
            return False
        status, answer = await self._api.ask(
            "PUT", path, {"fieldManager": FIELD_MANAGER}, replacement(live, body)
        )
        if status == 409:
            raise ClusterConflictError(f"{path} keeps being changed by others: {message(answer)}. Push again")
        return status == 200

    @_WHILE_OTHERS_WRITE
    async def _forget_update(self, path: str) -> None:
        notes = ((await self._find(path)) or {}).get("metadata", {}).get("managedFields", ())
        mine = next((at for at, note in enumerate(notes) if _is_update_of_ours(note)), None)
        if mine is None:
            return
        place = f"/metadata/managedFields/{mine}"
        patch = [{"op": "test", "path": place, "value": notes[mine]}, {"op": "remove", "path": place}]
        status, answer = await self._api.ask(
            "PATCH",
            path,
            {"fieldManager": FIELD_MANAGER},
            patch,
            content_type="application/json-patch+json",
        )
        if status != 200:
            raise ClusterConflictError(f"{path} keeps being changed by others: {message(answer)}. Push again")

    async def delete(self, ref: ObjectRef, namespace: str) -> bool:
        """Remove an object with what it made; say whether there was one. Claims are never removed."""
        if ref.kind in KEPT:
            raise ClusterError(f"{ref} is kept: its data cannot be restored")
        body = {"propagationPolicy": "Background"}
        status, answer = await self._api.ask("DELETE", _path(ref, namespace), {}, body)
        if status not in (200, 202, 404):
            raise ClusterError(f"{ref} of {namespace} cannot be removed: {message(answer)}")
        return status != 404

    async def put_config_map(self, body: Json, namespace: str) -> None:
        """Write a ConfigMap as a whole, if it is still as it was read.

        :param body: with ``metadata.resourceVersion`` when there was one; without, there must be none.
        :raises ClusterConflictError: when someone else wrote it.
        """
        name = body["metadata"]["name"]
        collection = f"{_CONFIG_MAP.path}/namespaces/{quote(namespace)}/configmaps"
        known = bool(body["metadata"].get("resourceVersion"))
        path = f"{collection}/{quote(name)}" if known else collection
        status, answer = await self._api.ask("PUT" if known else "POST", path, {}, body)
        if status == 409 or (known and status == 404):
            raise ClusterConflictError(
                f"ConfigMap {name} of {namespace} was changed by someone else meanwhile"
            )
        if status not in (200, 201):
            raise ClusterError(f"ConfigMap {name} cannot be written in {namespace}: {message(answer)}")

    async def pods(self, namespace: str, selector: str) -> list[Json]:
        """Return the pods that a label selector selects."""
        return await self._list(f"/api/v1/namespaces/{quote(namespace)}/pods", {"labelSelector": selector})

    async def replica_sets(self, namespace: str, selector: str) -> list[Json]:
        """Return the ReplicaSets that a label selector selects."""
        path = f"/apis/apps/v1/namespaces/{quote(namespace)}/replicasets"
        return await self._list(path, {"labelSelector": selector})

    async def events(self, namespace: str, name: str) -> list[Json]:
        """Return the events about the object named ``name``, oldest first."""
        path = f"/api/v1/namespaces/{quote(namespace)}/events"
        found = await self._list(path, {"fieldSelector": f"involvedObject.name={name}"})
        return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")

    async def config_maps(self, namespace: str, selector: str) -> list[Json]:
        """Return the ConfigMaps of a namespace that ``selector`` selects by labels."""
        path = f"{_CONFIG_MAP.path}/namespaces/{quote(namespace)}/{_CONFIG_MAP.plural}"
        return await self._list(path, {"labelSelector": selector})

    async def nodes(self) -> list[Json]:
        """Return the cluster's nodes."""
        return await self._list("/api/v1/nodes", {})

    async def log(self, namespace: str, pod: str, container: str, lines: int, *, previous: bool) -> str:
        """Return the last lines of a container's log; of the one before its last restart, if ``previous``."""
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        query = {
            "container": container,
            "tailLines": str(lines),
            "limitBytes": str(LOG_BYTES),
            "previous": str(previous).lower(),
        }
        status, answer = await self._api.ask("GET", path, query)
        return answer.decode(errors="replace") if status == 200 else ""

    async def status_through_proxy(self, namespace: str, service: str, port: str, path: str) -> int:
        """Return the HTTP status that a Service gives to a GET, asked through the API server."""
        place = f"/api/v1/namespaces/{quote(namespace)}/services/{quote(service)}:{quote(port)}/proxy{path}"
        status, _ = await self._api.ask("GET", place, {}, proxied=True)
        return status

    async def _find(self, path: str) -> Json | None:
        status, answer = await self._api.ask("GET", path, {})
        if status == 404:
            return None
        if status != 200:
            raise ClusterError(f"the cluster answers {status} to {path}: {message(answer)}")
        return _object(answer)

    async def _list(self, path: str, query: Mapping[str, str]) -> list[Json]:
        status, answer = await self._api.ask("GET", path, query)
        if status != 200:
            raise ClusterError(f"the cluster answers {status} to {path}: {message(answer)}")
        found: list[Json] = _object(answer).get("items") or []
        return found


@asynccontextmanager
async def connected(conn_id: str = CONNECTION) -> AsyncIterator[Cluster]:
    """Open the cluster of a connection of Airflow's type ``kubernetes``, in a task or in a trigger."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

    async with AsyncKubernetesHook(conn_id=conn_id).get_conn() as client:
        yield Cluster(client, conn_id)


def _path(ref: ObjectRef, namespace: str) -> str:
    kind: ObjectKind = KINDS[ref.api_version, ref.kind]
    return f"{kind.path}/namespaces/{quote(namespace)}/{kind.plural}/{quote(ref.name)}"


def replacement(live: Json, body: Json) -> Json:
    """Return ``body`` as it may be written over ``live``: with what only the cluster can know.

    The labels and annotations of others stay, or they would write them again at once.
    """
    metadata, own = live["metadata"], body["metadata"]
    kept = {key: metadata[key] for key in ("resourceVersion", "finalizers") if key in metadata}
    marks = {key: {**metadata.get(key, {}), **own.get(key, {})} for key in ("labels", "annotations")}
    done = body | {"metadata": own | kept | marks}
    known = mapping(live.get("spec"))
    chosen = {
        key: known[key]
        for key in ("replicas", "clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName")
        if key in known
    }
    if "spec" in body:
        done["spec"] = chosen | mapping(body["spec"])
    return done


def _is_update_of_ours(entry: Json) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Update"


def _object(answer: bytes) -> Json:
    try:
        value = json.loads(answer)
    except ValueError as error:
        raise TransientClusterError("the cluster's answer is not JSON") from error
    return value if isinstance(value, dict) else {}
