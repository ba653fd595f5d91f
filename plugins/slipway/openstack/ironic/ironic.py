"""Ironic's API, as far as an application's nodes need it.

https://docs.openstack.org/api-ref/baremetal/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from openstack.connection import Connection

from slipway.flow.ironic.nodes import Marks, SeenNode
from slipway.flow.property_keys import CloudKey
from slipway.openstack.ironic.errors import accepted, told

MICROVERSION = "1.65"
"""Of the release Ussuri: allocations with an owner, leased nodes, config drives made from JSON."""
Json = dict[str, Any]

STATE = (
    *("uuid", "name", "provision_state", "provision_updated_at", "last_error", "maintenance"),
    *("maintenance_reason", "fault", "instance_info"),
)
"""What is looked at again and again: nothing that Ironic has to join other tables for."""
ABOUT = (*STATE, "instance_uuid", "resource_class", "properties", "traits")


@dataclass(frozen=True)
class Allocation:
    """A claim on a node."""

    id: str
    name: str
    state: str
    node: str | None
    last_error: str
    extra: Mapping[str, Any]
    resource_class: str = ""

    @classmethod
    def of(cls, body: Json) -> Allocation:
        """Read Ironic's JSON."""
        return cls(
            id=body["uuid"],
            name=body.get("name") or "",
            state=body["state"],
            node=body.get("node_uuid"),
            last_error=body.get("last_error") or "",
            extra=body.get("extra") or {},
            resource_class=body.get("resource_class") or "",
        )


@dataclass(frozen=True)
class Node:
    """A node of the project, owned or leased."""

    body: Json = field(repr=False)

    @property
    def id(self) -> str:
        """Its UUID."""
        return str(self.body["uuid"])

    @property
    def name(self) -> str:
        """Its name for people."""
        return str(self.body.get("name") or self.id)

    @property
    def disk_gib(self) -> int:
        """Size of its disk, as its owner recorded it; 0 without a record."""
        return int((self.body.get("properties") or {}).get("local_gb") or 0)

    def seen(self, index: int) -> SeenNode:
        """Return what decisions are made from."""
        body = self.body
        return SeenNode(
            id=self.id,
            name=self.name,
            index=index,
            state=body["provision_state"],
            changed=body.get("provision_updated_at") or "",
            last_error=body.get("last_error") or "",
            maintenance=bool(body.get("maintenance")),
            maintenance_reason=body.get("maintenance_reason") or "",
            fault=body.get("fault") or "",
            marks=_marks(body.get("instance_info") or {}),
        )


@dataclass(frozen=True)
class IronicClient:
    """The nodes that one project owns or leases, and its allocations."""

    cloud: Connection

    @property
    def project(self) -> str:
        """Id of the login's project."""
        with told("the project of the login"):
            return str(self.cloud.current_project_id)

    def allocations(self, prefix: str) -> dict[int, Allocation]:
        """Return the project's allocations whose names are ``prefix`` and an index, by index."""
        found = [one for one in self.every_allocation() if one.name.startswith(prefix)]
        rests = ((one.name.removeprefix(prefix), one) for one in found)
        return dict(sorted((int(rest), one) for rest, one in rests if rest.isdecimal()))

    def every_allocation(self) -> list[Allocation]:
        """Return the project's allocations."""
        return [Allocation.of(body) for body in self._list("allocations", "")]

    def find_allocation(self, name: str) -> Allocation | None:
        """Return the allocation with this name, or None."""
        path, what = f"/allocations/{name}", f"allocation {name}"
        with told(what):
            answer = self._send("GET", path, None)
            if answer.status_code == requests.codes.not_found:
                return None
            return Allocation.of(accepted(what, answer).json())

    def create_allocation(
        self, name: str, resource_class: str, traits: Sequence[str], extra: Mapping[str, Any]
    ) -> None:
        """Have Ironic choose a node; which one, and whether there is one, the allocation says soon after.

        :raises ConflictError: when there is one of this name, of whatever project.
        """
        body = {"name": name, "resource_class": resource_class, "traits": list(traits), "extra": extra}
        self._ask("POST", "/allocations", f"allocation {name}", body)

    def annotate(self, allocation: str, extra: Mapping[str, Any]) -> None:
        """Write an allocation's ``extra``."""
        patch = [{"op": "replace", "path": "/extra", "value": dict(extra)}]
        self._ask("PATCH", f"/allocations/{allocation}", f"allocation {allocation}", patch)

    def delete_allocation(self, allocation: str) -> None:
        """Release a node that was not deployed; a missing one is no error."""
        what = f"deleting allocation {allocation}"
        with told(what):
            answer = self._send("DELETE", f"/allocations/{allocation}", None)
            if answer.status_code != requests.codes.not_found:
                accepted(what, answer)

    def nodes(self) -> list[Node]:
        """Return the state of the nodes that have an instance."""
        return [Node(body) for body in self._list("nodes", f"associated=true&fields={','.join(STATE)}")]

    def nodes_of(self, resource_class: str) -> list[Node]:
        """Return the nodes of a class, taken or free, with all that is known of them."""
        query = f"resource_class={resource_class}&fields={','.join(ABOUT)}"
        return [Node(body) for body in self._list("nodes", query)]

    def node(self, node: str) -> Node:
        """Return the node with this id as it is now."""
        return Node(self._ask("GET", f"/nodes/{node}?fields={','.join(STATE)}", f"node {node}"))

    def resource_classes(self) -> list[str]:
        """Return which classes the project's nodes have."""
        found = {body["resource_class"] for body in self._list("nodes", "fields=resource_class")}
        return sorted(one for one in found if one)

    def describe(self, node: str, info: Mapping[str, Any]) -> None:
        """Write a node's whole ``instance_info``.

        :raises ConflictError: while the node is locked.
        """
        patch = [{"op": "replace", "path": "/instance_info", "value": dict(info)}]
        self._ask("PATCH", f"/nodes/{node}", f"node {node}", patch)

    def provision(self, node: str, target: str, drive: Json | None = None) -> None:
        """Ask for another provision state: ``active``, ``rebuild`` or ``deleted``.

        :param drive: of a config drive, ``user_data`` and ``meta_data``.
        :raises ConflictError: while the node is locked.
        :raises RefusedError: when the node's state or instance does not allow it.
        """
        body: Json = {"target": target, **({"configdrive": drive} if drive else {})}
        self._ask("PUT", f"/nodes/{node}/states/provision", f"{target} of node {node}", body)

    def attached(self, node: str) -> set[str]:
        """Return the ids of the ports that the node has in its networks."""
        answer = self._ask("GET", f"/nodes/{node}/vifs", f"the ports of node {node}")
        return {one["id"] for one in answer["vifs"]}

    def attach(self, node: str, port: str) -> None:
        """Give the node a port of Neutron's."""
        self._ask("POST", f"/nodes/{node}/vifs", f"port {port} for node {node}", {"id": port})

    def detach(self, node: str, port: str) -> None:
        """Take a port from a node."""
        self._ask("DELETE", f"/nodes/{node}/vifs/{port}", f"port {port} of node {node}")

    def _list(self, kind: str, query: str) -> list[Json]:
        found: list[Json] = []
        while True:
            answer = self._ask("GET", f"/{kind}?{query}", f"the {kind}")
            found += answer[kind]
            if not (after := answer.get("next")):
                return found
            query = str(after).partition("?")[2]

    def _ask(self, method: str, path: str, what: str, body: Any = None) -> Json:
        with told(what):
            answer = accepted(what, self._send(method, path, body))
            found: Json = answer.json() if answer.content else {}
            return found

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        # A locked node is asked again by whoever looks at all of them, not by every request on its own.
        return self.cloud.baremetal.request(
            path, method, json=body, microversion=MICROVERSION, raise_exc=False, status_code_retries=0
        )


def drive(user_data: str, name: str) -> Json:
    """Return what a config drive is made from.

    https://docs.openstack.org/ironic/latest/install/configdrive.html
    """
    meta = {"name": name, "hostname": name, "instance_id": name}
    return {"meta_data": meta, **({"user_data": user_data} if user_data else {})}


def _marks(info: Mapping[str, Any]) -> Marks | None:
    try:
        return Marks(
            fingerprint=info[CloudKey.FINGERPRINT],
            effort=info[CloudKey.RUN],
            tries=int(info[CloudKey.TRY]),
            began_after=info[CloudKey.BEGAN_AFTER],
        )
    except (KeyError, TypeError, ValueError):
        return None
