"""A fleet of 300 machines deployed and rebuilt on the lab's Ironic, 50 at once.

The machines are the lab's: each deployment takes the time that it is told to take, and reads the image from
the conductor to its end. What is measured is what Slipway's own looking and asking, and Ironic's own way,
add to that: seconds a batch, however long its machines take. 120 s are little for a machine, which starts
twice and has an image written in between; ``SLIPWAY_BENCH_NODE_SECONDS`` takes another time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import openstack
from openstack.connection import Connection

from benchmarks import servers
from benchmarks.result import Result
from lab.openstack.login import identity
from lab.openstack.machines import Machine, enroll, make_available
from slipway.flow.image import Image
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ironic.spec import Ironic
from slipway.flow.push import PushEvent
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.rollout import Nodes
from slipway.openstack.ironic.triggers import bring, poll_of
from slipway.polling import Poll

NODES, AT_ONCE = 300, 50
DELAY_SECONDS = int(os.environ.get("SLIPWAY_BENCH_NODE_SECONDS", "120"))
NAME = f"bench-{uuid4().hex[:8]}"


@dataclass
class Looks:
    """The poll's looks: when, and how many nodes were waited for then."""

    waited: list[int] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Requests that the looks took."""
        return len(self.waited)

    @property
    def one_by_one(self) -> int:
        """Requests that a poll of each node that is waited for would have taken."""
        return sum(self.waited)


def run() -> Iterator[Result]:
    """Deploy, rebuild, and give the figures of both."""
    known = servers.variables()
    config = openstack.config.OpenStackConfig(config_files=[known["OS_CLIENT_CONFIG_FILE"]])
    with (
        Connection(config=config.get_one("slipway", api_timeout=60)) as tenant,
        Connection(config=config.get_one("system", api_timeout=60)) as system,
        _machines(system),
    ):
        images = [_image(tenant) for _ in range(2)]
        try:
            for what, image in zip(("deployed", "rebuilt"), images, strict=True):
                yield from _figures(what, *_bring(tenant, system, image))
        finally:
            for image in images:
                tenant.image.delete_image(str(image.glance))


def _bring(tenant: Connection, system: Connection, image: Image) -> tuple[float, Looks, list[str]]:
    fleets, looks = Fleets(tenant), Looks()
    fleet = _fleet(image)
    began = time.monotonic()
    watch = fleets.begin(fleet, f"run-{image.glance}")
    outcome = asyncio.run(bring(fleets, _counted(fleets, fleet, looks), watch))
    seconds = time.monotonic() - began
    notes = [] if outcome.state == "healthy" else [outcome.reason]
    written = [
        (node["driver_internal_info"].get("lab_written") or {}).get("source") for node in _listed(system)
    ]
    if lost := NODES - written.count(str(image.glance)):
        notes.append(f"{lost} of {NODES} nodes do not have the image")
    return seconds, looks, notes


def _counted(fleets: Fleets, fleet: IronicPlan, looks: Looks) -> Poll[Nodes]:
    """Return the product's poll, with a note of each look."""
    poll = poll_of(fleets.ironic)
    asked = poll._ask

    async def noted(keys: Any) -> Any:
        answer = await asked(keys)
        nodes: Nodes = next(iter(answer.values()))
        mine = [
            node.seen(0)
            for node in nodes.values()
            if node.body["instance_info"].get("slipway_application") == NAME
        ]
        wanted = fleet.fingerprint
        ready = [one for one in mine if one.state == "active" and one.marks]
        done = [one for one in ready if one.marks and one.marks.fingerprint == wanted]
        looks.waited.append(NODES - len(done))
        return answer

    poll._ask = noted
    return poll


def _figures(what: str, seconds: float, looks: Looks, notes: list[str]) -> Iterator[Result]:
    yield Result(
        name=f"nodes_{what}",
        claim=f"{NODES} nodes {what}, {AT_ONCE} at once",
        peer=f"{NODES // AT_ONCE} batches, each the {DELAY_SECONDS} s that its nodes take",
        slipway_seconds=[seconds],
        peer_seconds=[NODES / AT_ONCE * DELAY_SECONDS],
        measure="ratio",
        limit=1.15,
        notes=notes,
    )
    minutes = seconds / 60
    yield Result(
        name=f"nodes_{what}_awaited",
        claim=f"requests a minute while {NODES} nodes are waited for",
        peer="one request for each node that is waited for, as often",
        slipway_seconds=[looks.calls / minutes],
        peer_seconds=[looks.one_by_one / minutes],
        measure="ratio",
        limit=0.02,
        unit="requests/min",
    )


def _fleet(image: Image) -> IronicPlan:
    push = PushEvent(
        repository="examples/bench",
        ref="refs/heads/main",
        commit=image.digest.removeprefix("sha256:")[:40],
        at=datetime.now(UTC),
    )
    return IronicPlan(
        push=push,
        application=NAME,
        environment="production",
        image=image,
        kind="whole-disk",
        ironic=Ironic.from_json(
            {"resource_class": NAME, "count": NODES, "pacing": {"at_once": AT_ONCE, "stop_after_failures": 9}}
        ),
    )


def _image(tenant: Connection) -> Image:
    data = os.urandom(256 << 10)
    made: Any = tenant.image.create_image(
        f"{NAME}-{uuid4().hex[:6]}", disk_format="raw", container_format="bare", data=data
    )
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return Image(
        platform="bare_metal",
        application=NAME,
        repository="examples/bench",
        commit=digest.removeprefix("sha256:")[:40],
        digest=digest,
        input_digest=digest,
        reference="generic-local/demo/bench.raw",
        glance=made.id,
    )


@contextmanager
def _machines(system: Connection) -> Iterator[None]:
    """Have the machines, and take them away whatever is on them then."""
    projects = {project.name: project.id for project in identity(system).projects()}
    names = {f"{NAME}-{number}" for number in range(NODES)}
    print(f"enrolling {NODES} machines", flush=True)
    try:
        for number, name in enumerate(sorted(names)):
            machine = Machine(name, NAME, cleaned=False)
            steered = {"extra": {"lab": {"deploy": {"delay": DELAY_SECONDS}}}}
            enroll(
                system,
                machine.body(projects) | steered,
                (),
                f"02:be:00:00:{number >> 8:02x}:{number & 255:02x}",
            )
        make_available(system, names)
        servers.wait_for(
            lambda: all(node["power_state"] for node in _listed(system)) or None, 120, "the power"
        )
        yield
    finally:
        print("removing them", flush=True)
        for node in _listed(system):
            system.baremetal.set_node_maintenance(node["uuid"], reason="the benchmark is over")
            system.baremetal.delete_node(node["uuid"])


def _listed(system: Connection) -> list[dict[str, Any]]:
    path = f"/nodes/detail?resource_class={NAME}&limit=1000"
    found: list[dict[str, Any]] = system.baremetal.get(path, microversion="1.65").json()["nodes"]
    return found
