"""A cluster's namespaces and rights, read and written.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from slipway.flow.kubernetes.objects import Json
from slipway.flow.tenancy.difference import Changes, Key, key_of
from slipway.flow.tenancy.names import Owned
from slipway.flow.tenancy.wanted import GONE_SINCE, PROJECT, RBAC, TENANCY
from slipway.kubernetes.api import Api, message
from slipway.kubernetes.errors import ClusterError, ClusterRefusedError

CONNECTION = "slipway_tenants"
FIELD_MANAGER = "slipway-tenants"
TIMEOUT_SECONDS = 60
AT_ONCE = 8
PAGE = 500


class _Kind(NamedTuple):
    api: str
    plural: str


_KINDS: Mapping[str, _Kind] = {
    "Namespace": _Kind("/api/v1", "namespaces"),
    "ClusterRole": _Kind(f"/apis/{RBAC}/v1", "clusterroles"),
    "RoleBinding": _Kind(f"/apis/{RBAC}/v1", "rolebindings"),
    "ResourceQuota": _Kind("/api/v1", "resourcequotas"),
    "LimitRange": _Kind("/api/v1", "limitranges"),
}


class TenancyCluster:
    """One cluster, as far as tenants go."""

    def __init__(self, client: Any) -> None:
        self._api = Api(client, CONNECTION, "tenants.yaml", TIMEOUT_SECONDS)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def read(self, policy_name: str) -> list[Json]:
        """Return every namespace, and the other objects that a policy has made."""
        label = f"{TENANCY}={policy_name}"
        lists = await asyncio.gather(
            *(self._list(kind, "" if kind == "Namespace" else label) for kind in _KINDS)
        )
        return [body for found in lists for body in found]

    async def make(self, changes: Changes) -> None:
        """Make the changes: first revoke rights, then create namespaces, then grant rights.

        :raises ClusterRefusedError: when the cluster does not take an object; the others are done all the
            same.
        """
        await self._each(changes.delete, self._delete)
        await self._each(list(changes.mark.items()), self._mark)
        for kind in _KINDS:
            await self._each([body for body in changes.apply if body["kind"] == kind], self._apply)

    async def _each(self, things: Sequence[Any], work: Any) -> None:
        done = await asyncio.gather(*map(work, things), return_exceptions=True)
        failed = [one for one in done if isinstance(one, BaseException)]
        if not failed:
            return
        if len(failed) == 1 or not isinstance(failed[0], ClusterError):
            raise failed[0]
        raise ClusterRefusedError(f"{failed[0]} (and {len(failed) - 1} more like it)")

    async def _apply(self, body: Json) -> None:
        key = key_of(body)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        await self._do("PATCH", key, query, body, "application/apply-patch+yaml")

    async def _mark(self, wanted: tuple[Key, str | None]) -> None:
        key, since = wanted
        patch = {"metadata": {"annotations": {GONE_SINCE: since}}}
        await self._do("PATCH", key, {}, patch, "application/merge-patch+json")

    async def _delete(self, key: Key) -> None:
        await self._do("DELETE", key, {}, {"propagationPolicy": "Background"}, "application/json")

    async def _do(self, method: str, key: Key, query: Mapping[str, str], body: Json, content: str) -> None:
        async with self._slots:
            status, answer = await self._api.ask(method, _path(key), query, body, content)
        if status in (200, 201, 202) or (method == "DELETE" and status == 404):
            return
        raise ClusterRefusedError(f"the cluster refuses {key}: {message(answer)}")

    async def _list(self, kind: str, label: str) -> list[Json]:
        found: list[Json] = []
        query = {"limit": str(PAGE)} | ({"labelSelector": label} if label else {})
        while True:
            path = f"{_KINDS[kind].api}/{_KINDS[kind].plural}"
            status, answer = await self._api.ask("GET", path, query)
            if status != 200:
                raise ClusterError(f"the cluster answers {status} to {path}: {message(answer)}")
            page = json.loads(answer)
            found += [{**body, "kind": kind} for body in page.get("items") or []]
            if not (following := page["metadata"].get("continue")):
                return found
            query["continue"] = following


@asynccontextmanager
async def connected(conn_id: str = CONNECTION) -> AsyncIterator[TenancyCluster]:
    """Open the cluster of a connection of Airflow's type ``kubernetes``."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

    async with AsyncKubernetesHook(conn_id=conn_id).get_conn() as client:
        yield TenancyCluster(client)


def namespaces(live: Sequence[Json], policy_name: str) -> dict[str, Owned]:
    """Return the namespaces that were read, with their projects by this policy's labels."""
    found = {}
    for body in live:
        if body["kind"] == "Namespace":
            metadata = body["metadata"]
            labels = metadata.get("labels") or {}
            owner = labels.get(PROJECT) if labels.get(TENANCY) == policy_name else None
            ending = "deletionTimestamp" in metadata
            found[metadata["name"]] = Owned(metadata["name"], owner or None, ending)
    return found


def _path(key: Key) -> str:
    kind = _KINDS[key.kind]
    place = f"/namespaces/{quote(key.namespace)}" if key.namespace else ""
    return f"{kind.api}{place}/{kind.plural}/{quote(key.name)}"
