"""Two hundred servers awaited at once: how often Nova is asked, counted in Nova's own log."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from openstack.connection import Connection

from benchmarks.result import Result
from benchmarks.servers import ROOT, variables
from lab.airflow.connections import connections
from slipway.flow.environments import CLOUD
from slipway.flow.image import Image
from slipway.flow.nova.marks import TAG, new_metadata
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.spec import Nova
from slipway.flow.nova.steps import Until
from slipway.flow.push import PushEvent
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.nova.names import resolve
from slipway.openstack.nova.triggers import ServersTrigger
from slipway.openstack.nova.watch import NovaWatch
from slipway.polling import TICK_SECONDS

LOG = ROOT / ".lab" / "log" / "nova.log"
APPLICATIONS, SERVERS = 20, 10
MEASURED_SECONDS = 60
NEVER = "SHUTOFF"
"""Nobody shuts the servers off: what is awaited does not come while it is measured."""


@dataclass(frozen=True)
class Awaited:
    """The servers of one application, as one trigger waits for them."""

    plan: NovaPlan
    ids: tuple[str, ...]

    def trigger(self) -> ServersTrigger:
        """Return what `deploy` hands to the triggerer."""
        deadline = datetime.now(UTC) + timedelta(hours=1)
        until = tuple(Until(server=one, name=one, status=NEVER, deadline=deadline) for one in self.ids)
        watch = NovaWatch(tag=self.plan.tag, run="benchmark", at=self.plan.push.at, until=until)
        return ServersTrigger(watch=watch.to_json(), conn_id=CLOUD)


def run() -> Iterator[Result]:
    """Yield the result; the servers are removed again."""
    os.environ.update(connections(variables()))
    with OpenstackHook().get_conn() as cloud, _awaited(cloud) as awaited:
        asked = _counted(r'"GET /v2\.1/servers/detail\?[^"]*tags-any=', lambda: asyncio.run(_wait(awaited)))
        ids = [one for each in awaited for one in each.ids]
        alone = _counted(r'"GET /v2\.1/servers/[0-9a-f-]{36}"', lambda: _each(cloud, ids))
    yield Result(
        name="servers_awaited",
        claim=f"{len(ids)} servers of {len(awaited)} applications awaited: requests to Nova in a minute",
        peer=f"one request a server and tick of {TICK_SECONDS:g} s",
        slipway_seconds=[asked * 60 / MEASURED_SECONDS],
        peer_seconds=[alone * 60 / TICK_SECONDS],
        measure="ratio",
        limit=0.02,
        unit="requests",
        notes=[]
        if asked and alone == len(ids)
        else [f"counted {asked} and {alone} requests: is it Nova's log?"],
    )


async def _wait(awaited: list[Awaited]) -> None:
    """Run all triggers in one event loop, as the triggerer does."""

    async def one(trigger: ServersTrigger) -> None:
        async for event in trigger.run():
            raise SystemExit(f"a wait ended early: {json.dumps(event.payload)}")

    waits = [asyncio.create_task(one(each.trigger())) for each in awaited]
    done, _ = await asyncio.wait(waits, timeout=MEASURED_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    for wait in done:
        wait.result()


def _each(cloud: Connection, ids: list[str]) -> None:
    for one in ids:
        cloud.compute.get_server(one)


def _counted(pattern: str, work: Any) -> int:
    """Return how many requests of that form Nova wrote down while ``work`` was done."""
    before = LOG.stat().st_size
    work()
    time.sleep(1)  # it writes when it has answered
    with LOG.open("rb") as file:
        file.seek(before)
        return len(re.findall(pattern, file.read().decode(errors="replace")))


@contextmanager
def _awaited(cloud: Connection) -> Iterator[list[Awaited]]:
    image = cloud.image.create_image(
        f"benchmark-{secrets.token_hex(4)}",
        disk_format="raw",
        container_format="bare",
        data=bytes(512),
        wait=True,
    )
    plans = [_plan(cloud, str(image.id), number) for number in range(APPLICATIONS)]
    try:
        yield [Awaited(plan, _servers(cloud, plan)) for plan in plans]
    finally:
        for plan in plans:
            for one in cloud.compute.servers(details=False, any_tags=plan.tag):
                cloud.compute.delete_server(one.id, ignore_missing=True)
        cloud.image.delete_image(image.id)


def _servers(cloud: Connection, plan: NovaPlan) -> tuple[str, ...]:
    """Have Nova make the servers of one application by one request."""
    cloud.compute.create_server(
        name=plan.name(0),
        image_id=str(plan.image.glance),
        flavor_id=plan.flavor,
        networks=[{"uuid": network} for network in plan.networks],
        metadata=new_metadata(plan, "benchmark", 0),
        tags=[TAG, plan.tag],
        min_count=SERVERS,
        max_count=SERVERS,
    )
    return tuple(str(one.id) for one in cloud.compute.servers(details=False, any_tags=plan.tag))


def _plan(cloud: Connection, image: str, number: int) -> NovaPlan:
    commit = secrets.token_hex(20)
    name = f"bench-{number}-{commit[:6]}"
    built = Image(
        platform="vm",
        application=name,
        repository="benchmarks/servers",
        commit=commit,
        digest=f"sha256:{secrets.token_hex(32)}",
        input_digest=f"sha256:{secrets.token_hex(32)}",
        reference="generic-local/x",
        glance=image,
    )
    nova = Nova(flavor="small", networks=("demo",), count=SERVERS)
    return NovaPlan(
        push=PushEvent(repository="benchmarks/servers", ref="refs/heads/main", commit=commit),
        application=name,
        environment="benchmark",
        image=built,
        nova=nova,
        **resolve(cloud, nova, built),
    )
