"""Whether pushes get on, for Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from slipway.flow.push_progress import PushState

FORMAT = CONTENT_TYPE_LATEST
STATES = tuple(state for state in get_args(PushState) if state != "over")


def exposition(health: Mapping[str, Any]) -> bytes:
    """Return the metrics in Prometheus' text format.

    :param health: as :func:`slipway.pushes.health.health` returns it. Without ``pushes``, as when the
        database does not answer, only ``slipway_healthy`` is known.
    """
    registry = CollectorRegistry()
    healthy = Gauge("slipway_healthy", "1 when pushes get on: see /slipway/health", registry=registry)
    healthy.set(health.get("status") == "healthy")
    if "pushes" in health:
        count = Gauge("slipway_pushes", "Pushes that are not over", ["state"], registry=registry)
        oldest = Gauge(
            "slipway_pushes_oldest_seconds",
            "Age of the oldest push that is not over; 0 when there is none",
            ["state"],
            registry=registry,
        )
        for state in STATES:
            known = health["pushes"].get(state, {})
            count.labels(state).set(known.get("count", 0))
            oldest.labels(state).set(known.get("oldest_seconds", 0))
    return generate_latest(registry)
