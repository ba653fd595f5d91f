"""Kubernetes' branch of ``deploy``: applies objects, follows them without a worker, restores on failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from airflow.sdk import Context

from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.platforms import Platform
from slipway.kubernetes import deployer
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.diagnosis import diagnose
from slipway.kubernetes.side import KubernetesSide
from slipway.kubernetes.triggers import RolloutTrigger
from slipway.kubernetes.watch import KubernetesOutcome, KubernetesWatch, follow
from slipway.rollout import operators

PATIENCE_SECONDS = 3.0
"""For which a worker itself polls: the way to the triggerer and back costs about as much."""
SLACK = timedelta(hours=2)
"""More than any rollout may take: the triggerer itself ends a rollout that makes no progress."""


class _Branch:
    """The common base of both operators: the cluster, and the waiting in the triggerer."""

    platform: ClassVar[Platform] = "container"
    plan: KubernetesPlan
    defer: Any

    @cached_property
    def side(self) -> KubernetesSide:
        """The cluster's side."""
        return KubernetesSide(self.plan)

    def wait(self, watch: KubernetesWatch) -> None:
        """Let the triggerer follow the rollout; continue with ``resume``."""
        trigger = RolloutTrigger(watch=watch.to_json(), conn_id=self.plan.cluster)
        self.defer(trigger=trigger, method_name="resume", timeout=SLACK)


class RolloutOperator(_Branch, operators.RolloutOperator):
    """Applies a :class:`slipway.flow.kubernetes.workload.KubernetesPlan` and follows it until it is healthy.

    When it does not become healthy, the pods' events and last lines are in the log.
    """

    def roll_out(self, context: Context) -> None:
        """Apply, and hand the waiting to the triggerer unless everything runs already."""
        workload, run = self.plan, context["run_id"]
        push = workload.push
        self.log.info(
            "%s %s (%s) of %s is deployed to %s: namespace %s",
            *(workload.application, push.short_commit, workload.image.digest, push.repository),
            *(workload.environment, workload.namespace),
        )
        watch, is_healthy = self.side.ask(lambda cluster: _begin(cluster, workload, run))
        if is_healthy:
            self.healthy(context)
        else:
            self.wait(watch)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End as the rollout did."""
        with self.ending(context):
            side, run, outcome = self.side, context["run_id"], KubernetesOutcome.from_json(event)
            if outcome.state == "healthy":
                self.healthy(context)
            elif outcome.state == "displaced":
                watch = side.ask(lambda cluster: deployer.again(cluster, *side.place, run))
                self.log.warning("someone else changed the objects; applying them again")
                self.wait(watch)
            else:
                self.log.error("the rollout failed: %s", outcome.reason)
                side.ask(lambda cluster: diagnose(cluster, KubernetesWatch.of(self.plan, run)))
                self.fail(context, outcome.reason)


class GoBackOperator(_Branch, operators.GoBackOperator):
    """Applies the last good objects again, removes those of the run, and follows until the old ones serve."""

    def go_back(self, context: Context) -> None:
        """Apply, and hand the waiting to the triggerer."""
        side, run = self.side, context["run_id"]
        watch = side.ask(lambda cluster: deployer.go_back(cluster, *side.place, run))
        if watch is None:
            self.back(context)
        else:
            self.wait(watch)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End, when the previous version is restored."""
        with self.ending(context):
            outcome = KubernetesOutcome.from_json(event)
            if outcome.state == "failed":
                self.fail(
                    context,
                    f"the previous version was applied again, but does not serve either: {outcome.reason}",
                )
            self.back(context)


async def _begin(cluster: Cluster, workload: KubernetesPlan, run: str) -> tuple[KubernetesWatch, bool]:
    """Apply; say whether it runs and answers already, as when nothing changed or it starts at once."""
    watch = await deployer.begin(cluster, workload, run)
    try:
        outcome = await asyncio.wait_for(follow(cluster, watch), PATIENCE_SECONDS)
    except TimeoutError:
        return watch, False
    return watch, outcome.state == "healthy"
