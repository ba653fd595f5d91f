"""What a large cloud costs ``tenant_sync``: Keystone read whole, and the plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.result import Result
from benchmarks.tenants_cloud import ASSIGNMENTS, PROJECTS, USERS, large_cloud
from lab.openstack.tenants import READER

RUNS = 3
SIZE = f"{USERS:,} users, {PROJECTS:,} projects, {ASSIGNMENTS:,} assignments"


def run() -> Iterator[Result]:
    """Measure on a Keystone of its own."""
    with large_cloud() as cloud:
        login = {"READER_USER": READER, "READER_PASSWORD": cloud.password(READER)}
        probe = [sys.executable, "-m", "benchmarks.tenants_probe", cloud.identity]
        found = []
        for _ in range(RUNS):
            done = subprocess.run(
                probe, env={**os.environ, **login}, capture_output=True, text=True, check=True, timeout=600
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
    amiss = [f"a second plan would still change {one['left']} things" for one in found if one["left"]]
    amiss += [f"only {one['made']} objects" for one in found if one["made"] < PROJECTS]
    yield Result(
        name="tenants_plan",
        claim=f"plan of tenant_sync, {SIZE}, with the ABAC file",
        peer="",
        slipway_seconds=[one["plan"] + one["unchanged"] for one in found],
        measure="seconds",
        limit=10,
        notes=amiss,
    )
    yield Result(
        name="tenants_whole",
        claim=f"the same with Keystone's own time to answer (SQLite, one process), {SIZE}",
        peer="Keystone's answers alone",
        slipway_seconds=[one["read"] + one["plan"] for one in found],
        peer_seconds=[one["read"] for one in found],
        measure="overhead",
        limit=10,
    )
    yield Result(
        name="tenants_memory",
        claim=f"peak memory of the process that reads and plans, {SIZE}",
        peer="",
        slipway_seconds=[one["mib"] for one in found],
        measure="seconds",
        limit=300,
        unit="MiB",
    )
