"""Releases of servers in the lab's Nova, as `deploy` brings them, without Airflow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from openstack.connection import Connection

from slipway.flow.deployment import Deployment
from slipway.flow.image import Image
from slipway.flow.nova.endings import go_back
from slipway.flow.nova.observed import Server, ServerFindings
from slipway.flow.nova.plan import NovaPlan, tag_of
from slipway.flow.nova.rollout import roll_out
from slipway.flow.nova.spec import Nova
from slipway.flow.nova.steps import Done, Fail, Wait
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.openstack.nova.names import resolve
from slipway.openstack.nova.reading import list_servers
from slipway.openstack.nova.servers import Decide, Servers
from slipway.openstack.nova.side import NovaSide
from slipway.openstack.nova.triggers import poll_of
from slipway.openstack.nova.watch import NovaWatch, follow
from slipway.rollout import keeping
from tests.flow.builders import DIGEST, NOON

REPOSITORY = "tests/servers"
SICK = "/sick"
"""Path at which servers do not answer as they should."""


@dataclass
class Application:
    """An application whose name no other test has."""

    cloud: Connection
    name: str
    image: str

    def side(self, plan: NovaPlan) -> NovaSide:
        """Return the cloud's side of a plan, as a task of its own has it."""
        return NovaSide(plan)

    def plan(self, number: int, **nova: Any) -> NovaPlan:
        """Return the plan of release ``number``; later numbers are later pushes of other images."""
        commit = f"{number:x}"[0] * 40
        image = Image(
            platform="vm",
            application=self.name,
            repository=REPOSITORY,
            commit=commit,
            digest=f"sha256:{commit}{'0' * 24}",
            input_digest=DIGEST,
            reference="generic-local/x",
            glance=self.image,
        )
        wanted = Nova.model_validate({"flavor": "small", "networks": ["demo"], **nova})
        return NovaPlan(
            push=PushEvent(
                repository=REPOSITORY,
                ref="refs/heads/main",
                commit=commit,
                at=NOON + timedelta(minutes=number),
            ),
            application=self.name,
            environment="staging",
            image=image,
            nova=wanted,
            **resolve(self.cloud, wanted, image, tag_of(REPOSITORY, self.name, "staging")),
        )

    def until_end(self, plan: NovaPlan, run: str, decide: Decide) -> Done | Fail:
        """Carry decisions out, waiting as the triggerer waits."""
        seen = ServerFindings()
        while True:
            step = Servers(self.cloud, plan, run).drive(decide, seen)
            if not isinstance(step, Wait):
                return step
            outcome = asyncio.run(self._waited(NovaWatch.of(plan, run, step)))
            seen = outcome.seen(seen.healthy)

    async def _waited(self, watch: NovaWatch) -> Any:
        async with poll_of(self.cloud, tick=0.3).of(watch.tag) as feed:
            return await follow(feed, watch)

    def roll_out(self, plan: NovaPlan, run: str) -> Done | Fail:
        return self.until_end(plan, run, roll_out)

    def go_back(self, plan: NovaPlan, run: str) -> Done | Fail:
        return self.until_end(plan, run, go_back)

    def keep(self, plan: NovaPlan, run: str) -> Deployment:
        [kept] = keeping.keep({"vm": self.side(plan)}, run)
        return kept

    def release(self, plan: NovaPlan, run: str) -> Deployment:
        end = self.roll_out(plan, run)
        assert end == Done()
        return self.keep(plan, run)

    def servers(self) -> list[Server]:
        """What Nova has, and is not about to remove, oldest index first."""
        found = list_servers(self.cloud, [self.plan(1).tag])
        return sorted((one for one in found if not one.is_going), key=lambda one: (one.mark.index, one.id))

    def states(self) -> list[tuple[str, int, str]]:
        """The commit's first digit, index and state of each server."""
        return [(one.name.split("-")[-2][0], one.mark.index, one.status) for one in self.servers()]

    def all_healthy(self) -> ServerFindings:
        """As if every server had answered."""
        return ServerFindings(frozenset(one.id for one in self.servers()))

    def now(self) -> datetime:
        return datetime.now(UTC)

    def floating(self, address: str) -> str:
        """The name of the server that has an address, as Neutron says."""
        [ip] = self.cloud.network.ips(floating_ip_address=address)
        if not ip.port_id:
            return ""
        return str(self.cloud.compute.get_server(self.cloud.network.get_port(ip.port_id).device_id).name)

    def remove(self) -> None:
        for one in self.servers():
            self.cloud.compute.delete_server(one.id, ignore_missing=True)


def raises(work: Callable[[], object]) -> str:
    """Return what the error says that ``work`` raises."""
    try:
        work()
    except SlipwayError as error:
        return str(error)
    raise AssertionError("it raises nothing")
