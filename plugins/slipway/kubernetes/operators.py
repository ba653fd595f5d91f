"""Kubernetes' branch of ``deploy``: objects applied and followed without a worker; put back on failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.kubernetes import deployer
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.diagnosis import diagnose
from slipway.kubernetes.side import KubernetesSide
from slipway.kubernetes.triggers import RolloutTrigger
from slipway.kubernetes.watch import KubernetesOutcome, KubernetesWatch, follow
from slipway.rollout import operators
from slipway.rollout.side import Json

PATIENCE_SECONDS = 3.0
"""How long a worker looks on itself: handing over to the triggerer and back costs about as much."""
SLACK = timedelta(hours=2)
"""More than any rollout may take: the triggerer itself ends a rollout that makes no progress."""


class RolloutOperator(operators.RolloutOperator):
    """Applies a :class:`slipway.flow.kubernetes.workload.KubernetesPlan` and follows it until it is healthy.

    When it does not become healthy, the pods' events and last lines are in the log.
    """

    platform = "container"

    def side(self) -> KubernetesSide:
        """Return the cluster's side."""
        return KubernetesSide.of(self.plan)

    def roll_out(self, context: Context, plan: Json) -> None:
        """Apply, and hand the waiting to the triggerer unless everything runs already."""
        workload, run = KubernetesPlan.from_json(plan), context["run_id"]
        push = workload.push
        self.log.info(
            "%s %s (%s) of %s goes to %s: namespace %s",
            *(workload.application, push.short_commit, workload.image.digest, push.repository),
            *(workload.environment, workload.namespace),
        )
        watch, is_healthy = self.side().ask(lambda cluster: _begin(cluster, workload, run))
        if is_healthy:
            self.healthy(context, plan)
        else:
            self._wait(watch)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End as the rollout did."""
        with self.ending(context):
            workload, run, outcome = (
                KubernetesPlan.from_json(self.plan),
                context["run_id"],
                KubernetesOutcome.from_json(event),
            )
            if outcome.state == "healthy":
                self.healthy(context, self.plan)
            elif outcome.state == "displaced":
                place = (workload.application, workload.namespace, run)
                watch = self.side().ask(lambda cluster: deployer.again(cluster, *place))
                self.log.warning("the objects were changed by someone else; they are applied again")
                self._wait(watch)
            else:
                self.log.error("the rollout failed: %s", outcome.reason)
                self.side().ask(lambda cluster: diagnose(cluster, KubernetesWatch.of(workload, run)))
                self.fail(context, outcome.reason)

    def _wait(self, watch: KubernetesWatch) -> None:
        trigger = RolloutTrigger(watch=watch.to_json(), conn_id=self.side().conn_id)
        self.defer(trigger=trigger, method_name="resume", timeout=SLACK)


class GoBackOperator(operators.GoBackOperator):
    """Applies the last good objects again, removes those of the run, and follows until the old ones serve."""

    platform = "container"

    def side(self) -> KubernetesSide:
        """Return the cluster's side."""
        return KubernetesSide.of(self.plan)

    def go_back(self, context: Context, plan: Json) -> None:
        """Apply, and hand the waiting to the triggerer."""
        workload, run = KubernetesPlan.from_json(plan), context["run_id"]
        place = (workload.application, workload.namespace, run)
        watch = self.side().ask(lambda cluster: deployer.go_back(cluster, *place))
        if watch is None:
            self.back(context, plan)
        else:
            trigger = RolloutTrigger(watch=watch.to_json(), conn_id=self.side().conn_id)
            self.defer(trigger=trigger, method_name="resume", timeout=SLACK)

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """End, when the version before is back."""
        with self.ending(context):
            outcome = KubernetesOutcome.from_json(event)
            if outcome.state == "failed":
                self.fail(
                    context,
                    f"the previous version was applied again, and does not serve either: {outcome.reason}",
                )
            self.back(context, self.plan)


async def _begin(cluster: Cluster, workload: KubernetesPlan, run: str) -> tuple[KubernetesWatch, bool]:
    """Apply; say whether it runs and answers already, as when nothing changed or it starts at once."""
    watch = await deployer.begin(cluster, workload, run)
    try:
        outcome = await asyncio.wait_for(follow(cluster, watch), PATIENCE_SECONDS)
    except TimeoutError:
        return watch, False
    return watch, outcome.state == "healthy"
