"""A rollout that nobody ends is found in the cluster, and taken back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from lab.access import Lab
from slipway.flow.orphans import Trace
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.traces import ClusterTraces
from tests.flow.builders import push
from tests.systems.kubernetes.conftest import NAMESPACE, connection
from tests.systems.kubernetes.test_deployer import NONE_WITH_SERVICE, nothing_runs, ref

pytestmark = pytest.mark.lab


@pytest.fixture
def traces(lab: Lab) -> ClusterTraces:
    return ClusterTraces([NAMESPACE], partial(connection, lab))


async def found(traces: ClusterTraces, application: str) -> Trace | None:
    every = await asyncio.to_thread(traces.find)
    return next((one for one in every if one.id == f"{NAMESPACE}/{application}"), None)


async def removed(traces: ClusterTraces, trace: Trace) -> bool:
    return await asyncio.to_thread(traces.remove, trace)


async def test_a_first_rollout_that_nobody_ends_goes_altogether(
    cluster: Cluster, application: str, traces: ClusterTraces
) -> None:
    await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE), "run-1")
    trace = await found(traces, application)
    assert trace is not None
    assert (trace.run, trace.name) == ("run-1", f"{application} aaaaaaaaaaaa")
    assert abs((datetime.now(UTC) - trace.made).total_seconds()) < 60
    assert await removed(traces, trace)
    assert await cluster.find(ref("Deployment", application), NAMESPACE) is None
    assert await found(traces, application) is None
    assert await removed(traces, trace)


async def test_the_version_before_comes_back(
    cluster: Cluster, application: str, traces: ClusterTraces
) -> None:
    await deployer.begin(cluster, nothing_runs(application), "run-1")
    await deployer.keep(cluster, application, NAMESPACE, "run-1")
    assert await found(traces, application) is None
    await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE, push("b", 1)), "run-2")
    trace = await found(traces, application)
    assert trace is not None
    assert await removed(traces, trace)
    assert await cluster.find(ref("Service", application), NAMESPACE) is None
    known = await ledger.read(cluster, application, NAMESPACE)
    assert known.attempt is None
    assert known.good is not None
    assert known.good.run == "run-1"


async def test_a_rollout_that_took_its_place_meanwhile_goes_on(
    cluster: Cluster, application: str, traces: ClusterTraces
) -> None:
    await deployer.begin(cluster, nothing_runs(application), "run-1")
    trace = await found(traces, application)
    assert trace is not None
    await deployer.begin(cluster, nothing_runs(application, pushed=push("b", 1)), "run-2")
    assert not await removed(traces, trace)
    known = await ledger.read(cluster, application, NAMESPACE)
    assert known.attempt is not None
    assert known.attempt.run == "run-2"
