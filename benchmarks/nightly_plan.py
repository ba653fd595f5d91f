"""The night's own thinking, without Airflow's processes, up to 1,000 applications: plan, looks, summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.nightly_town import apps_yaml
from benchmarks.result import Result
from slipway.flow.apps import Apps
from slipway.flow.document import load
from slipway.flow.night import Came, came, failed, line, name_of, summary, turns
from slipway.flow.push import PushEvent
from slipway.pipelines.upkeep.nightly_rebuild import goes_on, started

SIZES = (125, 250, 500, 1000)
LOOKS = 20
"""Of the summary, in a night."""
ROUNDS = 5


def run() -> Iterator[Result]:
    """Yield what an application costs at the largest size, against the smallest."""
    took = {size: min(_seconds(size) for _ in range(ROUNDS)) for size in SIZES}
    each = {size: 1000 * seconds / size for size, seconds in took.items()}
    print(
        f"    milliseconds an application: { {size: round(one, 3) for size, one in each.items()} }",
        flush=True,
    )
    yield Result(
        name="nightly_plan",
        claim=f"apps.yaml read, turns, {LOOKS} looks and the summary, an application of {SIZES[-1]:,}",
        peer=f"an application of {SIZES[0]}",
        slipway_seconds=[each[SIZES[-1]]],
        peer_seconds=[each[SIZES[0]]],
        measure="ratio",
        limit=1.3,
        unit="ms",
        notes=[] if took[SIZES[-1]] < 10 else [f"{took[SIZES[-1]]:.1f} s for all"],
    )


def _seconds(size: int) -> float:
    text = apps_yaml([f"nights/night-{number:04}" for number in range(size)]).encode()
    began = time.perf_counter()
    planned = turns(load(text, Apps, "apps.yaml"), 4 * 3600.0)
    night = name_of(datetime.now(UTC), scheduled=True)
    pushes = [
        PushEvent(repository=one.repository, ref=one.ref, commit=f"{number:040x}", rebuild=night)
        for number, one in enumerate(planned)
    ]
    begun = started((one.to_json() for one in planned), (push.to_json() for push in pushes), ())
    done = Came(states={"container_image": "success"}, images={"container": "unchanged"})
    found = {push.partition_key: done for push in pushes}
    for _ in range(LOOKS):
        goes_on(begun, found, timedelta())
    lines = [line(one, came(found, one)) for one in begun]
    assert not failed(lines)
    assert len(summary(lines).splitlines()) == size + 1
    return time.perf_counter() - began
