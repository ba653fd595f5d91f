"""Ironic's branch of ``deploy``: deploys or rebuilds nodes without a worker, restores them on failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Context

from slipway.flow.platforms import Platform
from slipway.flow.release import SupersededError
from slipway.rollout import operators

if TYPE_CHECKING:  # the SDK takes most of a second to import, which reading a DAG file must not take
    from slipway.flow.ironic.fleet import IronicPlan
    from slipway.openstack.ironic.side import IronicSide
    from slipway.openstack.ironic.watch import IronicWatch


class _Branch:
    """The common base of both operators: the cloud, and the waiting in the triggerer."""

    platform: ClassVar[Platform] = "bare_metal"
    plan: IronicPlan
    defer: Any

    @cached_property
    def side(self) -> IronicSide:
        """The cloud's side."""
        from slipway.openstack.ironic.side import IronicSide

        return IronicSide(self.plan)

    def wait(self, watch: IronicWatch) -> None:
        """Let the triggerer bring the nodes to what is wanted; continue with ``resume``."""
        from slipway.openstack.ironic.triggers import FleetTrigger

        trigger = FleetTrigger(watch=watch.to_json(), conn_id=self.plan.cloud)
        self.defer(trigger=trigger, method_name="resume", timeout=_limit(watch))


class RolloutOperator(_Branch, operators.RolloutOperator):
    """Brings a :class:`slipway.flow.ironic.fleet.IronicPlan` onto its nodes, a few at a time."""

    def roll_out(self, context: Context) -> None:
        """Claim and allocate, and hand the rest to the triggerer."""
        fleet, run = self.plan, context["run_id"]
        self.log.info(
            "%s %s (%s) of %s goes to %s: %d x %s, %d at once",
            *(fleet.application, fleet.push.short_commit, fleet.image.digest, fleet.push.repository),
            *(fleet.environment, fleet.ironic.count, fleet.ironic.resource_class),
            fleet.ironic.pacing.at_once,
        )
        with self.side.fleets() as fleets:
            watch = fleets.begin(fleet, run)
            names = {node.id: node.name for node in fleets.ironic.nodes()}
        for line in watch.lines(names):
            self.log.info("%s", line)
        self.wait(watch)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End as the rollout did."""
        with self.ending(context):
            state, reason = event["state"], event["reason"]
            if state == "superseded":
                raise SupersededError(reason)
            if state == "failed":
                self.log.error("the rollout failed: %s", reason)
                self.fail(context, reason)
            self.healthy(context)


class GoBackOperator(_Branch, operators.GoBackOperator):
    """Rebuilds the nodes with the last good image, and undeploys those that the run added."""

    def go_back(self, context: Context) -> None:
        """Record that the run rolls back, and hand the rest to the triggerer."""
        with self.side.fleets() as fleets:
            watch = fleets.go_back(self.plan, context["run_id"])
        if watch is None:
            self.back(context)
        else:
            self.wait(watch)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End, when the previous version is restored."""
        with self.ending(context):
            state, reason = event["state"], event["reason"]
            if state == "superseded":
                raise SupersededError(reason)
            if state == "failed":
                self.fail(context, f"the previous state was not restored completely: {reason}")
            self.side.end(context["run_id"])
            self.back(context)


def _limit(watch: IronicWatch) -> timedelta:
    """Return more time than the nodes may take by themselves, one batch after the other."""
    slack = timedelta(hours=6)
    if watch.fleet is None:
        return slack
    ironic = watch.fleet.ironic
    batches = -(-ironic.count // ironic.pacing.at_once)
    health = ironic.health.within_seconds if ironic.health else 0
    return slack + timedelta(seconds=batches * ironic.attempts * (ironic.deploy_seconds + health))
