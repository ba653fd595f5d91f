"""Nova's side of a release: the servers' metadata says what is good, and what is tried."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property

from openstack.connection import Connection

from slipway.flow.deployment import Deployment
from slipway.flow.nova import endings
from slipway.flow.nova.observed import Server, View, best, kept_but_for, refuse_older_than
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.plans import deployed
from slipway.flow.release import NOTHING, version
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.nova.servers import Servers
from slipway.rollout.side import Side

NAMED = 3
"""Servers that a deployment names; of the others it has the number."""


class NovaSide(Side[NovaPlan]):
    """The cloud that the plan is for."""

    @cached_property
    def _cloud(self) -> Connection:
        """The login and what was asked of the cloud's versions: kept, for they cost half a dozen requests."""
        return OpenstackHook(self.plan.cloud).get_conn()

    def servers(self, run: str) -> Servers:
        """Return the plan's servers in the cloud."""
        return Servers(self._cloud, self.plan, run)

    def before(self, run: str) -> str:
        """Return what the servers' metadata says was good before ``run``."""
        return _described(self.servers(run).view().good(run), run)

    def refuse_older(self, run: str) -> None:
        """Read the servers' metadata."""
        refuse_older_than(self.servers(run).view().servers, self.plan.push, run)

    def check(self, run: str) -> None:
        """Look for a newer push."""
        self.refuse_older(run)

    def keep(self, run: str) -> Deployment:
        """Write on the servers that they are good."""
        servers = self.servers(run)
        for order in endings.keep(self.plan, run, servers.view(), datetime.now(UTC)):
            servers.obey(order)
        return _deployment(self.plan, run, servers.view())

    def clear(self, run: str) -> None:
        """Remove the servers and server groups that only the previous version needed."""
        servers = self.servers(run)
        view = servers.view()
        servers.forget(view)  # the orders write over where traffic came from before
        for order in endings.clear(self.plan, run, view):
            servers.obey(order)
        servers.tidy()


def _described(good: tuple[Server, ...], run: str) -> str:
    kept = kept_but_for(good[0], run) if good else None
    return version(kept.claim.commit, good[0].mark.digest) if kept else NOTHING


def _deployment(plan: NovaPlan, run: str, view: View) -> Deployment:
    ours = best(view.servers, plan.version)
    servers = [ours[index] for index in range(plan.nova.count)]
    replaced = view.good(run)
    names = ", ".join(one.name for one in servers[:NAMED])
    more = f" and {len(servers) - NAMED} more" if len(servers) > NAMED else ""
    kept = servers[0].mark.kept
    where = f"servers {names}{more}" if len(servers) > 1 else f"server {names}"
    since = kept.since if kept else datetime.now(UTC)
    before = replaced[0].mark.digest if replaced else None
    return deployed(plan, where, since, before, _url(plan, servers[0]))


def _url(plan: NovaPlan, server: Server) -> str:
    health = plan.nova.health
    if health is None or health.path is None:
        return ""
    name = plan.dns.name.removesuffix(".") if plan.dns else ""
    address = plan.floating_ip(server.mark.index) or name or server.address
    place = f"[{address}]" if ":" in address else address
    return f"http://{place}:{health.port}{health.path}"
