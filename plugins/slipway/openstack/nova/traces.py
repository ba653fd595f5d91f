"""Servers of an orphaned rollout: a run made them, did not keep them, and has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from openstack.connection import Connection

from slipway.flow.nova.endings import go_back
from slipway.flow.nova.marks import TAG
from slipway.flow.nova.observed import Server, ServerFindings
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.steps import Fail, Wait
from slipway.flow.orphans import Trace
from slipway.flow.release import SupersededError
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.nova.reading import list_servers
from slipway.openstack.nova.servers import Servers
from slipway.rollout.side import Json

log = logging.getLogger(__name__)

KIND = "rollout of servers"
TRIES, PAUSE_SECONDS = 60, 3.0


@dataclass(frozen=True)
class ServerTraces:
    """The rollouts of servers in one project.

    :param plan_of: returns what a run wanted on Nova, or None when it is no longer known.
    """

    cloud: Connection
    plan_of: Callable[[str], Json | None]
    name = "nova"

    def find(self) -> Iterator[Trace]:
        """Yield the rollouts that are under way, or orphaned.

        :raises TransientOpenstackError: when the cloud does not answer.
        """

        def rollout(server: Server) -> tuple[str, str]:
            return server.mark.deployment, server.mark.claim.run

        tried = sorted((one for one in list_servers(self.cloud, [TAG]) if _is_tried(one)), key=rollout)
        for (deployment, run), group in groupby(tried, key=rollout):
            servers = list(group)
            yield Trace(
                place=self.name,
                kind=KIND,
                id=f"{deployment}/{run}",
                name=servers[0].name.rpartition("-")[0],
                run=run,
                made=max(server.created for server in servers),
            )

    def remove(self, trace: Trace) -> bool:
        """Bring the servers before back, and remove those of the rollout; says whether they are gone.

        Servers that run again are not asked whether they are healthy: they were before.

        :raises TransientOpenstackError: when they do not come back.
        """
        if not any(one.id == trace.id for one in self.find()):
            return True
        if (plan := self.plan_of(trace.run)) is None:
            raise TransientOpenstackError(
                f"the plan of run {trace.run} is no longer known. The application's next deployment removes "
                "its servers; or delete them once the floating IPs are on the right servers"
            )
        servers = Servers(self.cloud, NovaPlan.from_json(plan), trace.run)
        for _ in range(TRIES):
            every = frozenset(server.id for server in servers.view().servers)
            try:
                step = servers.drive(go_back, ServerFindings(healthy=every))
            except SupersededError:
                return False
            if isinstance(step, Fail):
                raise TransientOpenstackError(step.reason)
            if not isinstance(step, Wait):
                servers.forget(servers.view())
                servers.tidy()
                return True
            time.sleep(PAUSE_SECONDS)
        raise TransientOpenstackError("the previous servers are not restored yet; the next run continues")


def _is_tried(server: Server) -> bool:
    """Say whether a server was made for a rollout and never kept."""
    return not server.is_going and server.mark.kept is None and server.mark.before is None
