"""Ironic's branch of ``deploy``: nodes deployed or rebuilt in place without a worker; put back on failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from slipway.flow.fleet import Fleet
from slipway.flow.release import SupersededError
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.fleets import Watch
from slipway.openstack.ironic.rollout import Outcome
from slipway.openstack.ironic.side import IronicSide
from slipway.openstack.ironic.triggers import FleetTrigger
from slipway.rollout import operators
from slipway.rollout.side import Json


def _limit(watch: Watch) -> timedelta:
    """Return more time than the nodes may take by themselves, one batch after the other."""
    if watch.fleet is None:
        return timedelta(hours=12)
    ironic = watch.fleet.ironic
    batches = -(-ironic.count // ironic.pacing.at_once)
    health = ironic.health.within_seconds if ironic.health else 0
    return timedelta(hours=2, seconds=batches * ironic.attempts * (ironic.deploy_seconds + health))


class RolloutOperator(operators.RolloutOperator):
    """Brings a :class:`slipway.flow.fleet.Fleet` onto its nodes, a few at a time.

    :param conn_id: connection of type ``slipway_openstack``.
    """

    platform = "bare_metal"

    def __init__(self, *, plans: Any, conn_id: str = OpenstackHook.default_conn_name, **options: Any) -> None:
        super().__init__(plans=plans, **options)
        self.conn_id = conn_id

    def side(self) -> IronicSide:
        """Return the cloud's side."""
        return IronicSide(self.conn_id)

    def roll_out(self, context: Context, plan: Json) -> None:
        """Claim and allocate, and hand the rest to the triggerer."""
        fleet, run = Fleet.from_json(plan), context["run_id"]
        self.log.info(
            "%s %s (%s) of %s goes to %s: %d x %s, %d at once",
            *(fleet.application, fleet.push.short_commit, fleet.image.digest, fleet.push.repository),
            *(fleet.environment, fleet.ironic.count, fleet.ironic.resource_class),
            fleet.ironic.pacing.at_once,
        )
        with self.side().fleets() as fleets:
            watch = fleets.begin(fleet, run)
            nodes = {node.id: node.name for node in fleets.ironic.nodes()}
        for one in watch.nodes:
            at = f" at {one.address}" if one.address else ""
            self.log.info("%s%d is node %s%s", watch.prefix, one.index, nodes.get(one.node, one.node), at)
        trigger = FleetTrigger(watch=watch.to_json(), conn_id=self.conn_id)
        self.defer(trigger=trigger, method_name="resume", timeout=_limit(watch))

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End as the rollout did."""
        with self.ending(context):
            outcome = Outcome.from_json(event)
            if outcome.state == "superseded":
                raise SupersededError(outcome.reason)
            if outcome.state == "failed":
                self.log.error("the rollout failed: %s", outcome.reason)
                self.fail(context, outcome.reason)
            self.healthy(context, self.plan)


class GoBackOperator(operators.GoBackOperator):
    """Rebuilds the nodes with the last good image, and undeploys those that the run added.

    :param conn_id: connection of type ``slipway_openstack``.
    """

    platform = "bare_metal"

    def __init__(self, *, plans: Any, conn_id: str = OpenstackHook.default_conn_name, **options: Any) -> None:
        super().__init__(plans=plans, **options)
        self.conn_id = conn_id

    def side(self) -> IronicSide:
        """Return the cloud's side."""
        return IronicSide(self.conn_id)

    def go_back(self, context: Context, plan: Json) -> None:
        """Write down that the run goes back, and hand the rest to the triggerer."""
        fleet, run = Fleet.from_json(plan), context["run_id"]
        with self.side().fleets() as fleets:
            watch = fleets.go_back(fleet, run)
        if watch is None:
            self.back(context, plan)
            return
        trigger = FleetTrigger(watch=watch.to_json(), conn_id=self.conn_id)
        self.defer(trigger=trigger, method_name="resume", timeout=_limit(watch))

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End, when the version before is back."""
        with self.ending(context):
            outcome, fleet, run = Outcome.from_json(event), Fleet.from_json(self.plan), context["run_id"]
            if outcome.state == "superseded":
                raise SupersededError(outcome.reason)
            if outcome.state == "failed":
                self.fail(context, f"not everything is as it was before: {outcome.reason}")
            with self.side().fleets() as fleets:
                first = f"{fleets.prefix(fleet)}0"
                if fleets.ironic.find_allocation(first):
                    ledger.change(fleets.ironic, first, lambda known: ledger.ended(known, run))
            self.back(context, self.plan)
