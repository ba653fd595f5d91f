"""Follows a rollout in the triggerer: a thousand rollouts need no worker."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.flow.record import SlipwayError
from slipway.kubernetes.cluster import CONNECTION, connected
from slipway.kubernetes.watch import KubernetesOutcome, KubernetesWatch, follow

log = logging.getLogger(__name__)


class RolloutTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires with a :class:`slipway.kubernetes.watch.KubernetesOutcome` as JSON when the rollout has ended.

    :param watch: a :class:`slipway.kubernetes.watch.KubernetesWatch` as JSON.
    :param conn_id: of the cluster.
    """

    def __init__(self, watch: dict[str, Any], conn_id: str = CONNECTION) -> None:
        super().__init__()
        self.watch = watch
        self.conn_id = conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"watch": self.watch, "conn_id": self.conn_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow it; what cannot be followed fires as a failure."""
        try:
            async with connected(self.conn_id) as cluster:
                outcome = await follow(cluster, KubernetesWatch.from_json(self.watch))
        except SlipwayError as error:
            outcome = KubernetesOutcome(state="failed", reason=str(error))
        yield TriggerEvent(outcome.to_json())
