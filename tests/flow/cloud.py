"""A cloud in memory that obeys orders as Nova and Neutron do: what decisions about servers are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from slipway.flow.image import Image
from slipway.flow.nova.marks import Mark, Metadata, new_metadata
from slipway.flow.nova.observed import Server, ServerFindings, View
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.spec import Nova
from slipway.flow.nova.steps import Attach, Create, Delete, Lead, Order, Start, Stop, Wait, Write
from slipway.flow.nova.traffic import Led, Place, RecordSet, read
from tests.flow.builders import DIGEST, NOON, push

OTHERS = "others"
TTL = timedelta(seconds=90)


def plan(number: int, image: str = "", **nova: object) -> NovaPlan:
    """A release's plan: each number is a later push, of another image unless ``image`` says which."""
    digest = f"sha256:{(image or f'{number:x}')[0] * 64}"
    return NovaPlan(
        push=push(f"{number:x}"[0], minutes=number),
        application="shop",
        environment="production",
        image=Image(
            platform="vm",
            application="shop",
            repository="octo/shop",
            commit="a" * 40,
            digest=digest,
            input_digest=DIGEST,
            reference="generic-local/x",
        ),
        nova=Nova.model_validate({"flavor": "small", "networks": ["demo"], **nova}),
        flavor="1",
        networks=("net",),
    )


@dataclass
class Cloud:
    """Servers by id, their metadata, and who has each floating IP."""

    servers: dict[str, Server] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    floating: dict[str, str] = field(default_factory=dict)
    traffic: dict[Place, Led] = field(default_factory=dict)
    now: datetime = NOON
    broken: set[str] = field(default_factory=set)
    """Versions whose servers end in ERROR."""
    sick: set[str] = field(default_factory=set)
    """Versions whose servers never answer."""
    made: int = 0
    answered: set[str] = field(default_factory=set)
    given_up: dict[str, str] = field(default_factory=dict)

    def view(self, plan: NovaPlan) -> View:
        seen = ServerFindings(frozenset(self.answered), dict(self.given_up))
        marks = [one.mark for one in self.servers.values() if one.mark.deployment == plan.deployment]
        places = {plan.traffic, *(read(mark.traffic) for mark in marks)} - {None}
        traffic = {place: self.traffic.get(place, Led(frozenset())) for place in places if place}
        return View.of(self.servers.values(), plan.deployment, self.floating, traffic, seen)

    def obey(self, order: Order, plan: NovaPlan, run: str) -> None:
        match order:
            case Create(index):
                self._create(plan, new_metadata(plan, run, index), plan.name(index))
            case Delete(server):
                self._touch(server, plan)
                del self.servers[server.id]
                self.floating = {ip: "" if who == server.id else who for ip, who in self.floating.items()}
            case Start(server):
                assert self._touch(server, plan).status == "SHUTOFF"
                self._put(replace(server, status="ACTIVE"))
            case Stop(server):
                assert self._touch(server, plan).status == "ACTIVE"
                self._put(replace(server, status="SHUTOFF"))
                self.answered.discard(server.id)
            case Write(server, metadata):
                self._touch(server, plan)
                self.metadata[server.id].update(metadata)
                mark = Mark.read(self.metadata[server.id])
                assert mark is not None
                self._put(replace(self.servers[server.id], mark=mark))
            case Attach(address, server):
                assert self._touch(server, plan).status == "ACTIVE"
                self.floating[address] = server.id
            case Lead(place, servers):
                assert all(self._touch(server, plan).status == "ACTIVE" for server in servers)
                self.traffic[place] = Led(frozenset(one.address for one in servers), self._kept(place))

    def pass_time(self, wait: Wait) -> None:
        """What was waited for comes true, or does not, for good."""
        self.now = max(self.now, wait.not_before or self.now)
        for one in wait.until:
            server = self.servers[one.server]
            if server.mark.version in self.broken:
                self._put(replace(server, status="ERROR", fault="No valid host was found."))
            elif one.health and server.mark.version in self.sick:
                self.given_up[server.id] = "does not answer"
            else:
                self._put(replace(server, status=one.status, task=""))
                if one.health:
                    self.answered.add(server.id)

    def serving(self) -> int:
        """How many servers run and would answer."""
        return sum(
            one.status == "ACTIVE" and one.mark.version not in self.sick
            for one in self.servers.values()
            if one.name != OTHERS
        )

    def led_to(self) -> int:
        """How many servers traffic comes to; it comes to none that does not serve."""
        by_address = {one.address: one for one in self.servers.values()}
        found = [by_address[address] for to in self.traffic.values() for address in to.addresses]
        assert all(one.status == "ACTIVE" and one.mark.version not in self.sick for one in found)
        return len(found)

    def someone_elses(self) -> Server:
        """Add a server of another application."""
        other = plan(15).model_copy(update={"application": "other"})
        return self._create(other, new_metadata(other, "other", 0), OTHERS)

    def _kept(self, place: Place) -> datetime | None:
        """Until when others keep an answer of before."""
        had_one = isinstance(place, RecordSet) and place in self.traffic
        return self.now + TTL if had_one else None

    def _create(self, plan: NovaPlan, metadata: Metadata, name: str) -> Server:
        self.made += 1
        mark = Mark.read(metadata)
        assert mark is not None
        created = NOON + timedelta(seconds=self.made)
        address = f"10.0.1.{self.made}"
        server = Server(f"id-{self.made:03}", name, "BUILD", created, mark, address=address)
        self.metadata[server.id] = dict(metadata)
        self.servers[server.id] = server
        return server

    def _put(self, server: Server) -> None:
        self.servers[server.id] = server

    def _touch(self, server: Server, plan: NovaPlan) -> Server:
        assert server.mark.deployment == plan.deployment, "a server of another application"
        return self.servers[server.id]
