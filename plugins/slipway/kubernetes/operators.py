"""``RolloutOperator``: an application's objects applied, followed without a worker, put back on failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from slipway.flow.deployment import Deployment
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.workload import Workload
from slipway.kubernetes import deployer
from slipway.kubernetes.cluster import CONNECTION, Cluster, connected
from slipway.kubernetes.diagnosis import diagnose
from slipway.kubernetes.errors import SupersededError
from slipway.kubernetes.triggers import RolloutTrigger
from slipway.kubernetes.watch import Outcome, Watch, follow
from slipway.links import ObjectLink, PageLink

PATIENCE_SECONDS = 3.0
"""How long a worker looks on itself: handing over to the triggerer and back costs about as much."""
SLACK = timedelta(hours=2)
"""More than any rollout may take: the triggerer itself ends a rollout that makes no progress."""


class RolloutOperator(BaseOperator):  # type: ignore[misc]
    """Rolls a workload out and returns the :class:`slipway.flow.deployment.Deployment` as JSON.

    It is skipped when a newer push runs already or comes while it waits. When the rollout does not become
    healthy, the pods' events and last lines are in the log, the previous version is brought back, and the
    task fails, without another try, once that one serves again.

    :param workload: a :class:`slipway.flow.workload.Workload` as JSON.
    :param conn_id: connection of Airflow's type ``kubernetes``.
    """

    template_fields: Sequence[str] = ("workload",)
    ui_color = "#cfe3f9"
    operator_extra_links = (ObjectLink(), PageLink())

    def __init__(self, *, workload: Any, conn_id: str = CONNECTION, **options: Any) -> None:
        super().__init__(**options)
        self.workload = workload
        self.conn_id = conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Apply, and hand the waiting to the triggerer unless everything runs already."""
        workload, run = Workload.from_json(self.workload), context["run_id"]
        push = workload.push
        self.log.info(
            "%s %s (%s) of %s goes to %s: namespace %s",
            *(workload.application, push.short_commit, workload.image.digest, push.repository),
            *(workload.environment, workload.namespace),
        )
        try:
            watch, healthy = self._run(lambda cluster: _begin(cluster, workload, run))
        except SupersededError as error:
            self._skip(error)
        except TransientError:
            raise
        except SlipwayError as error:
            self._go_back(workload, run, str(error))
        if healthy:
            return self._keep(context, workload, run)
        return self._wait(watch, "resume", {})

    def resume(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take the rollout for good, or go back."""
        workload, run = Workload.from_json(self.workload), context["run_id"]
        outcome = Outcome.from_json(event)
        if outcome.state == "healthy":
            return self._keep(context, workload, run)
        if outcome.state == "displaced":
            place = (workload.application, workload.namespace, run)
            watch = self._unless_superseded(lambda cluster: deployer.again(cluster, *place))
            self.log.warning("the objects were changed by someone else; they are applied again")
            return self._wait(watch, "resume", {})
        self.log.error("the rollout failed: %s", outcome.reason)
        self._run(lambda cluster: diagnose(cluster, Watch.of(workload, run)))
        return self._go_back(workload, run, outcome.reason)

    def resume_back(self, context: Context, event: Mapping[str, Any], reason: str) -> None:  # noqa: ARG002
        """End as failed, when the previous version is back.

        :raises AirflowFailException: always.
        """
        outcome = Outcome.from_json(event)
        if outcome.state == "failed":
            raise AirflowFailException(
                f"{reason}. The previous version was applied again, and does not serve either: "
                f"{outcome.reason}"
            )
        raise AirflowFailException(f"{reason}. The previous version is back and serves")

    def _go_back(self, workload: Workload, run: str, reason: str) -> dict[str, Any]:
        place = (workload.application, workload.namespace, run)
        watch = self._unless_superseded(lambda cluster: deployer.go_back(cluster, *place))
        if watch is None:
            raise AirflowFailException(f"{reason}. There was no version before; nothing of this one is left")
        return self._wait(watch, "resume_back", {"reason": reason})

    def _keep(self, context: Context, workload: Workload, run: str) -> dict[str, Any]:
        async def work(cluster: Cluster) -> tuple[Deployment, str]:
            deployment = await deployer.keep(cluster, workload.application, workload.namespace, run)
            return deployment, cluster.address(deployer.main_object(workload), workload.namespace)

        deployment: Deployment
        deployment, address = self._unless_superseded(work)
        at = f" at {deployment.url}" if deployment.url else ""
        self.log.info("%s runs %s%s", deployment.where, deployment.image.reference, at)
        ObjectLink().store(context, address)
        PageLink().store(context, deployment.url)
        for asset in self.outlets:
            event = context["outlet_events"][asset]
            event.extra = deployment.to_json()
            if not context["dag_run"].partition_key:
                event.add_partitions(workload.push.partition_key)
        return deployment.to_json()

    def _wait(self, watch: Watch, method: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        self.defer(
            trigger=RolloutTrigger(watch=watch.to_json(), conn_id=self.conn_id),
            method_name=method,
            kwargs=kwargs,
            timeout=SLACK,
        )
        return {}

    def _unless_superseded(self, work: Callable[[Cluster], Coroutine[Any, Any, Any]]) -> Any:
        try:
            return self._run(work)
        except SupersededError as error:
            self._skip(error)

    def _skip(self, reason: Exception) -> NoReturn:
        self.log.info("%s", reason)
        raise AirflowSkipException(str(reason)) from None

    def _run(self, work: Callable[[Cluster], Coroutine[Any, Any, Any]]) -> Any:
        async def inside() -> Any:
            async with connected(self.conn_id) as cluster:
                return await work(cluster)

        return asyncio.run(inside())


async def _begin(cluster: Cluster, workload: Workload, run: str) -> tuple[Watch, bool]:
    """Apply; say whether it runs and answers already, as when nothing changed or it starts at once."""
    watch = await deployer.begin(cluster, workload, run)
    try:
        outcome = await asyncio.wait_for(follow(cluster, watch), PATIENCE_SECONDS)
    except TimeoutError:
        return watch, False
    return watch, outcome.state == "healthy"
