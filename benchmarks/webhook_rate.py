"""Deliveries a second, and how long one takes at 50 a second, beside two other receivers of webhooks.

All are measured in turns in one run, by one client on the same machine; its own time is in every figure.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result
from benchmarks.servers import variables
from benchmarks.webhook_load import Receiver, latencies, rate
from benchmarks.webhook_receivers import PROVIDER, receivers

ROUNDS = int(os.environ.get("SLIPWAY_BENCH_ROUNDS", "3"))
AS_FAST_AS_ANSWERED = 300
A_SECOND, SECONDS = 50, 6
P99_MILLISECONDS = 250.0
SETTLING = 30


class RateResult(Result):
    """The claim is about the provider; the figures of all receivers are beside it."""

    receivers: dict[str, dict[str, float]]
    """``deliveries_a_second`` (median of the rounds), ``p50_ms`` and ``p99_ms`` (of all rounds)."""


def run() -> Iterator[Result]:
    """Yield the result."""
    known = variables()
    if "SLIPWAY_DATABASE" not in known:
        raise SystemExit("the lab's database is not up: python -m lab up postgres")
    rates: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    with (
        TemporaryDirectory(prefix="slipway-bench-") as folder,
        receivers(Path(folder), known["SLIPWAY_DATABASE"]) as known_receivers,
    ):
        for receiver in known_receivers:
            asyncio.run(rate(receiver, SETTLING))
        for _ in range(ROUNDS):
            for receiver in known_receivers:
                rates.setdefault(receiver.name, []).append(asyncio.run(rate(receiver, AS_FAST_AS_ANSWERED)))
                waits.setdefault(receiver.name, []).extend(_milliseconds(receiver))
    figures = {name: _figures(rates[name], waits[name]) for name in rates}
    yield RateResult(
        name="webhook_rate",
        claim="time of one delivery when they are sent as fast as they are answered, eight at once",
        peer=PROVIDER,
        slipway_seconds=[round(1000 / one, 3) for one in rates["Slipway"]],
        peer_seconds=[round(1000 / one, 3) for one in rates[PROVIDER]],
        unit="ms",
        measure="ratio",
        limit=1.0,
        notes=_amiss(figures["Slipway"]["p99_ms"]),
        receivers=figures,
    )


def _milliseconds(receiver: Receiver) -> list[float]:
    return [1000 * one for one in asyncio.run(latencies(receiver, A_SECOND, SECONDS))]


def _figures(rates: list[float], waits: list[float]) -> dict[str, float]:
    hundredths = statistics.quantiles(waits, n=100)
    return {
        "deliveries_a_second": round(statistics.median(rates), 1),
        "p50_ms": round(statistics.median(waits), 1),
        "p99_ms": round(hundredths[98], 1),
        "slowest_ms": round(max(waits), 1),
    }


def _amiss(p99: float) -> list[str]:
    if p99 < P99_MILLISECONDS:
        return []
    return [f"p99 at {A_SECOND} a second is {p99:.0f} ms, limit {P99_MILLISECONDS:.0f} ms"]
