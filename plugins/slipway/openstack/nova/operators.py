"""Nova's branch of ``deploy``: servers made and followed without a worker; the old ones brought back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Context

from slipway.flow.platforms import Platform
from slipway.rollout import operators

if TYPE_CHECKING:  # the SDK takes most of a second to import, which reading a DAG file must not take
    from openstack.connection import Connection

    from slipway.flow.nova.observed import ServerFindings
    from slipway.flow.nova.plan import NovaPlan
    from slipway.flow.nova.steps import Wait
    from slipway.openstack.nova.side import NovaSide
    from slipway.openstack.nova.watch import NovaOutcome, NovaWatch

PATIENCE_SECONDS = 3.0
"""For which a worker itself polls: the way to the triggerer and back costs about as much."""
SLACK = timedelta(hours=6)
"""More than any wait may take: the triggerer itself ends one that has had its time."""


class _Branch:
    """The common base of both operators: the cloud, and waiting for servers without a worker."""

    platform: ClassVar[Platform] = "vm"
    plan: NovaPlan
    defer: Any
    ending: Any

    @cached_property
    def side(self) -> NovaSide:
        """The cloud's side."""
        from slipway.openstack.nova.side import NovaSide

        return NovaSide(self.plan)

    def go_on(self, context: Context, seen: ServerFindings) -> None:
        """Decide and obey until there is something to wait for, or an end."""
        raise NotImplementedError

    def begin(self, context: Context) -> None:
        """Begin, or go on after a crash."""
        from slipway.flow.nova.observed import ServerFindings

        self.go_on(context, ServerFindings())

    def resume(self, context: Context, event: Mapping[str, Any], healthy: Sequence[str]) -> None:
        """Continue with what the triggerer saw."""
        with self.ending(context):
            self.go_on(context, _seen(event, healthy))

    def wait(self, cloud: Connection, run: str, wait: Wait, seen: ServerFindings) -> ServerFindings:
        """Return what is seen within a few seconds, or defer until there is something to see."""
        from slipway.openstack.nova.triggers import ServersTrigger
        from slipway.openstack.nova.watch import NovaWatch

        watch = NovaWatch.of(self.plan, run, wait)
        outcome = asyncio.run(_soon(cloud, watch))
        if outcome is not None:
            return outcome.seen(seen.healthy)
        self.defer(
            trigger=ServersTrigger(watch=watch.to_json(), conn_id=self.plan.cloud),
            method_name="resume",
            kwargs={"healthy": sorted(seen.healthy)},
            timeout=SLACK,
        )
        raise AssertionError("deferring does not return")


class RolloutOperator(_Branch, operators.RolloutOperator):
    """Makes the servers of a :class:`slipway.flow.nova.plan.NovaPlan` and switches to them."""

    def roll_out(self, context: Context) -> None:
        """Begin, or go on after a crash."""
        known = self.plan
        self.log.info(
            "%s %s (image %s) goes to %s: %d servers, flavor %s, %s",
            *(known.application, known.push.short_commit, known.image.glance, known.environment),
            *(known.nova.count, known.nova.flavor, known.nova.strategy),
        )
        self.begin(context)

    def go_on(self, context: Context, seen: ServerFindings) -> None:
        """Bring the servers up, and switch to them."""
        from slipway.flow.nova.rollout import roll_out
        from slipway.flow.nova.steps import Fail, Wait

        run = context["run_id"]
        servers = self.side.servers(run)
        while True:
            step = servers.drive(roll_out, seen)
            if isinstance(step, Fail):
                for line in servers.console(step.reason):
                    self.log.info("    %s", line)
                self.fail(context, step.reason)
            if not isinstance(step, Wait):
                return self.healthy(context)
            seen = self.wait(servers.cloud, run, step, seen)


class GoBackOperator(_Branch, operators.GoBackOperator):
    """Brings the servers of the last good release back, and removes those of the run."""

    def go_back(self, context: Context) -> None:
        """Begin, or go on after a crash."""
        self.begin(context)

    def go_on(self, context: Context, seen: ServerFindings) -> None:
        """Bring the servers before back."""
        from slipway.flow.nova.endings import go_back
        from slipway.flow.nova.steps import Fail, Wait

        run = context["run_id"]
        servers = self.side.servers(run)
        while True:
            step = servers.drive(go_back, seen)
            if isinstance(step, Wait):
                seen = self.wait(servers.cloud, run, step, seen)
                continue
            servers.forget(servers.view())
            servers.tidy()
            if isinstance(step, Fail):
                self.fail(context, step.reason)
            return self.back(context)


async def _soon(cloud: Connection, watch: NovaWatch) -> NovaOutcome | None:
    """Follow for a few seconds; None when that does not bring an outcome."""
    from slipway.openstack.nova.triggers import poll_of
    from slipway.openstack.nova.watch import follow

    try:
        async with asyncio.timeout(PATIENCE_SECONDS), poll_of(cloud, tick=1.0).of(watch.tag) as feed:
            return await follow(feed, watch)
    except TimeoutError:
        return None


def _seen(event: Mapping[str, Any], healthy: Sequence[str]) -> ServerFindings:
    """Return what the triggerer saw.

    :raises OpenstackError: when it could not look.
    """
    from slipway.openstack.errors import OpenstackError
    from slipway.openstack.nova.watch import NovaOutcome

    outcome = NovaOutcome.from_json(event)
    if outcome.error:
        raise OpenstackError(outcome.error)
    return outcome.seen(frozenset(healthy))
