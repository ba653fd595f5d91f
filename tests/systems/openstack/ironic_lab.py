"""Machines of a test's own, in the lab's Ironic, and what happens to them in a release."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import openstack
from openstack.connection import Connection
from openstack.exceptions import SDKException

from lab.access import Lab
from lab.openstack.login import identity
from lab.openstack.machines import Machine, enroll, make_available
from lab.process import wait_gone
from slipway.flow.image import Image
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ironic.spec import Ironic as Wanted
from slipway.flow.push import PushEvent
from slipway.flow.release import NOTHING
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.ironic import IronicClient, Node
from slipway.openstack.ironic.releasing import wait_released
from slipway.openstack.ironic.rollout import IronicOutcome
from slipway.openstack.ironic.triggers import bring, poll_of
from slipway.openstack.ironic.watch import IronicWatch

SECONDS = 90.0
TICK = 0.4


def connection(lab: Lab, name: str) -> Connection:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    return Connection(config=config.get_one(name, api_timeout=60))


@dataclass
class Ground:
    """An application, the resource class that is its alone, and the images it may run."""

    tenant: Connection
    system: Connection
    name: str = field(default_factory=lambda: f"t{uuid4().hex[:10]}")
    environment: str = "production"
    images: list[str] = field(default_factory=list)

    @property
    def fleets(self) -> Fleets:
        return Fleets(self.tenant)

    @property
    def ironic(self) -> IronicClient:
        return self.fleets.ironic

    @property
    def prefix(self) -> str:
        return f"{self.name}.{self.environment}.{self.ironic.project[:8]}."

    def machines(self, count: int, **about: Any) -> list[str]:
        """Enroll nodes of the application's class, and return their names."""
        owner = {project.name: project.id for project in identity(self.system).projects()}
        made = []
        for _ in range(count):
            machine = Machine(name=f"{self.name}-{uuid4().hex[:6]}", resource_class=self.name, **about)
            body = machine.body(owner)
            mac = ":".join(f"{byte:02x}" for byte in (2, *uuid4().bytes[:5]))
            enroll(self.system, body, machine.traits, mac)
            made.append(machine.name)
        make_available(self.system, set(made))
        assert wait_gone(lambda: all(self.node(name).body["power_state"] for name in made), SECONDS)
        return made

    def image(self, content: bytes = b"", **about: Any) -> Image:
        """Upload an image of the tenant's; return its record."""
        data = content or os.urandom(64 << 10)
        made: Any = self.tenant.image.create_image(
            name=f"{self.name}-{len(self.images)}",
            disk_format="raw",
            container_format="bare",
            data=data,
            **about,
        )
        self.images.append(made.id)
        return self.record(made.id, data)

    def record(self, glance: str | None, data: bytes) -> Image:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return Image(
            platform="bare_metal",
            application=self.name,
            repository="tests/app",
            commit="a" * 40,
            digest=digest,
            input_digest=digest,
            reference="generic-local/demo/image.raw",
            glance=glance,
        )

    def fleet(self, image: Image, count: int = 1, at: datetime | None = None, **about: Any) -> IronicPlan:
        """Return a release of the application, pushed now."""
        fields = {name: about.pop(name) for name in ("url", "user_data", "kind") if name in about}
        push = PushEvent(
            repository="tests/app",
            ref="refs/heads/main",
            commit=uuid4().hex + "0" * 8,
            at=at or datetime.now(UTC),
        )
        return IronicPlan(
            push=push,
            application=self.name,
            environment=self.environment,
            image=image,
            **{"kind": "whole-disk", **fields},
            ironic=Wanted.from_json({"resource_class": self.name, "count": count} | about),
        )

    def steer(self, name: str, **steps: Any) -> None:
        """Say which of a node's steps are slow, or fail."""
        patch = [{"op": "add", "path": "/extra/lab", "value": steps}]
        self.system.baremetal.patch(f"/nodes/{name}", json=patch, microversion="1.65").raise_for_status()

    def node(self, name: str) -> Node:
        answer = self.system.baremetal.get(f"/nodes/{name}", microversion="1.65")
        answer.raise_for_status()
        return Node(answer.json())

    def written(self, name: str) -> Mapping[str, str]:
        """Return what the machine's disk holds, as the lab's deploy agent wrote it."""
        found: Mapping[str, str] = self.node(name).body["driver_internal_info"].get("lab_written") or {}
        return found

    def states(self) -> list[str]:
        """Return the provision states of the application's machines."""
        return sorted(node.body["provision_state"] for node in self._mine())

    def names(self) -> list[str]:
        """Return the names of the application's machines."""
        return [node.name for node in self._mine()]

    def _mine(self) -> list[Node]:
        answer = self.system.baremetal.get(f"/nodes/detail?resource_class={self.name}", microversion="1.65")
        return [Node(body) for body in answer.json()["nodes"]]

    def roll_out(self, fleet: IronicPlan, run: str) -> IronicOutcome:
        """Do what the rollout task and its trigger do."""
        return self.follow(self.fleets.begin(fleet, run))

    def follow(self, watch: IronicWatch | None) -> IronicOutcome:
        if watch is None:
            return IronicOutcome(state="healthy")
        return asyncio.run(self.following(watch))

    async def following(self, watch: IronicWatch) -> IronicOutcome:
        return await bring(self.fleets, poll_of(self.ironic, TICK), watch)

    def keep(self, fleet: IronicPlan, run: str) -> None:
        """Do what the task keep does."""
        first, now = f"{self.prefix}0", datetime.now(UTC)
        ledger.change(self.ironic, first, lambda known: ledger.succeeded(known, run, now))
        ledger.change(self.ironic, first, lambda known: ledger.settled(known, run))
        assert (
            wait_released(self.ironic, self.fleets.ports, self.prefix, fleet.ironic.count, SECONDS, 0.3) == []
        )

    def release(self, fleet: IronicPlan, run: str) -> None:
        outcome = self.roll_out(fleet, run)
        assert outcome.state == "healthy", outcome.reason
        self.keep(fleet, run)

    def go_back(self, fleet: IronicPlan, run: str) -> IronicOutcome:
        """Do what the task go_back and its trigger do."""
        outcome = self.follow(self.fleets.go_back(fleet, run))
        first = f"{self.prefix}0"
        if outcome.state == "healthy" and self.ironic.find_allocation(first):
            ledger.change(self.ironic, first, lambda known: ledger.ended(known, run))
        return outcome

    def good(self, fleet: IronicPlan) -> str:
        known = self.fleets.read(fleet).good
        return ledger.described(known.fleet) if known else NOTHING

    def remove(self) -> None:
        """Take away the machines with whatever is on them, the ports and the images."""
        for node in self._mine():
            self.system.baremetal.patch(
                f"/nodes/{node.id}",
                json=[{"op": "add", "path": "/extra/lab", "value": {}}],
                microversion="1.65",
            )
            self.system.baremetal.set_node_maintenance(node.id, reason="the test is over")
            self._delete(node.id)
        for one in self.ironic.allocations(self.prefix).values():
            self.ironic.delete_allocation(one.id)
        self.fleets.ports.delete(self.prefix, 0)
        for image in self.images:
            self.tenant.image.delete_image(image, ignore_missing=True)

    def _delete(self, node: str) -> None:
        def gone() -> bool:
            try:
                self.system.baremetal.delete_node(node, ignore_missing=True)
            except SDKException:
                return False
            return True

        assert wait_gone(gone, SECONDS)


@contextmanager
def ground_in(lab: Lab) -> Iterator[Ground]:
    """Give an application of its own, and take away all it had."""
    with connection(lab, "slipway") as tenant, connection(lab, "system") as system:
        ground = Ground(tenant, system)
        try:
            yield ground
        finally:
            ground.remove()
