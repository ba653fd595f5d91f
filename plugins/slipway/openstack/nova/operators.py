"""Nova's branch of ``deploy``: servers made and followed without a worker; the old ones brought back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from slipway.rollout import operators
from slipway.rollout.side import Json

if TYPE_CHECKING:  # the SDK takes most of a second to import, which reading a DAG file must not take
    from openstack.connection import Connection

    from slipway.flow.nova.observed import ServerFindings
    from slipway.flow.nova.steps import Wait
    from slipway.openstack.nova.side import NovaSide
    from slipway.openstack.nova.watch import NovaOutcome, NovaWatch

PATIENCE_SECONDS = 3.0
"""How long a worker looks on itself: handing over to the triggerer and back costs about as much."""
SLACK = timedelta(hours=6)
"""More than any wait may take: the triggerer itself ends one that has had its time."""


class _Waiting:
    """What both operators share: waiting for servers without a worker."""

    plan: Json
    defer: Any

    def side(self) -> NovaSide:
        """Return the cloud's side."""
        from slipway.openstack.nova.side import NovaSide

        return NovaSide.of(self.plan)

    def wait(
        self, cloud: Connection, plan: Json, run: str, wait: Wait, seen: ServerFindings
    ) -> ServerFindings:
        """Return what is seen within a few seconds, or defer until there is something to see."""
        from slipway.flow.nova.plan import NovaPlan
        from slipway.openstack.nova.triggers import ServersTrigger
        from slipway.openstack.nova.watch import NovaWatch

        watch = NovaWatch.of(NovaPlan.from_json(plan), run, wait)
        outcome = asyncio.run(_soon(cloud, watch))
        if outcome is not None:
            return outcome.seen(seen.healthy)
        self.defer(
            trigger=ServersTrigger(watch=watch.to_json(), conn_id=self.side().conn_id),
            method_name="resume",
            kwargs={"healthy": sorted(seen.healthy)},
            timeout=SLACK,
        )
        raise AssertionError("deferring does not return")


class RolloutOperator(_Waiting, operators.RolloutOperator):
    """Makes the servers of a :class:`slipway.flow.nova.plan.NovaPlan` and switches to them."""

    platform = "vm"

    def roll_out(self, context: Context, plan: Json) -> None:
        """Begin, or go on after a crash."""
        from slipway.flow.nova.observed import ServerFindings
        from slipway.flow.nova.plan import NovaPlan

        known = NovaPlan.from_json(plan)
        self.log.info(
            "%s %s (image %s) goes to %s: %d servers, flavor %s, %s",
            *(known.application, known.push.short_commit, known.image.glance, known.environment),
            *(known.nova.count, known.nova.flavor, known.nova.strategy),
        )
        self._go_on(context, plan, ServerFindings())

    def resume(self, context: Context, event: Mapping[str, Any], healthy: Sequence[str]) -> None:
        """Go on with what the triggerer saw."""
        with self.ending(context):
            self._go_on(context, self.plan, _seen(event, healthy))

    def _go_on(self, context: Context, plan: Json, seen: ServerFindings) -> None:
        from slipway.flow.nova.plan import NovaPlan
        from slipway.flow.nova.rollout import roll_out
        from slipway.flow.nova.steps import Fail, Wait

        run = context["run_id"]
        servers = self.side().servers(NovaPlan.from_json(plan), run)
        while True:
            step = servers.drive(roll_out, seen)
            if isinstance(step, Fail):
                for line in servers.console(step.reason):
                    self.log.info("    %s", line)
                self.fail(context, step.reason)
            if not isinstance(step, Wait):
                return self.healthy(context, plan)
            seen = self.wait(servers.cloud, plan, run, step, seen)


class GoBackOperator(_Waiting, operators.GoBackOperator):
    """Brings the servers of the last good release back, and removes those of the run."""

    platform = "vm"

    def go_back(self, context: Context, plan: Json) -> None:
        """Begin, or go on after a crash."""
        from slipway.flow.nova.observed import ServerFindings

        self._go_on(context, plan, ServerFindings())

    def resume(self, context: Context, event: Mapping[str, Any], healthy: Sequence[str]) -> None:
        """Go on with what the triggerer saw."""
        with self.ending(context):
            self._go_on(context, self.plan, _seen(event, healthy))

    def _go_on(self, context: Context, plan: Json, seen: ServerFindings) -> None:
        from slipway.flow.nova.endings import go_back
        from slipway.flow.nova.plan import NovaPlan
        from slipway.flow.nova.steps import Fail, Wait

        run = context["run_id"]
        servers = self.side().servers(NovaPlan.from_json(plan), run)
        while True:
            step = servers.drive(go_back, seen)
            if isinstance(step, Wait):
                seen = self.wait(servers.cloud, plan, run, step, seen)
                continue
            servers.forget(servers.view())
            servers.tidy()
            if isinstance(step, Fail):
                self.fail(context, step.reason)
            return self.back(context, plan)


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
