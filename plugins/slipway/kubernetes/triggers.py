"""Follows a rollout in the triggerer: a thousand rollouts need no worker."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from airflow.triggers.base import TriggerEvent

from slipway.flow.record import SlipwayError
from slipway.kubernetes.cluster import connected
from slipway.kubernetes.watch import KubernetesOutcome, KubernetesWatch, follow
from slipway.rollout.triggers import WatchTrigger

log = logging.getLogger(__name__)


class RolloutTrigger(WatchTrigger):
    """Fires with a :class:`slipway.kubernetes.watch.KubernetesOutcome` as JSON when the rollout has ended.

    :param watch: a :class:`slipway.kubernetes.watch.KubernetesWatch` as JSON.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow it; an error fires as a failure."""
        try:
            async with connected(self.conn_id) as cluster:
                outcome = await follow(cluster, KubernetesWatch.from_json(self.watch))
        except SlipwayError as error:
            outcome = KubernetesOutcome(state="failed", reason=str(error))
        yield TriggerEvent(outcome.to_json())
