"""The lab's cluster, with the product's own login, and applications that are gone after each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from kubernetes_asyncio.config import new_client_from_config

from lab.access import Lab
from slipway.flow.kubernetes.objects import ObjectRef
from slipway.flow.record import SlipwayError
from slipway.kubernetes import ledger
from slipway.kubernetes.cluster import Cluster

NAMESPACE = "demo"


@asynccontextmanager
async def connection(lab: Lab) -> AsyncIterator[Cluster]:
    """Open the cluster as Slipway reaches it: with rights in the tenants' namespaces alone."""
    client = await new_client_from_config(config_file=str(lab.product_kubeconfig))
    async with client:
        yield Cluster(client)


@pytest.fixture
async def cluster(lab: Lab) -> AsyncIterator[Cluster]:
    """The cluster as Slipway reaches it."""
    async with connection(lab) as found:
        yield found


@pytest.fixture
async def application(cluster: Cluster) -> AsyncIterator[str]:
    """The name of an application that has nothing yet; what it gets is removed afterwards."""
    name = f"test-{secrets.token_hex(4)}"
    yield name
    known = await ledger.read(cluster, name, NAMESPACE)
    for ref in (*known.applied, *_usual(name)):
        with suppress(SlipwayError):
            await cluster.delete(ref, NAMESPACE)
    await ledger.forget(cluster, name, NAMESPACE)


def _usual(name: str) -> tuple[ObjectRef, ...]:
    return (
        ObjectRef(api_version="v1", kind="Service", name=name),
        ObjectRef(api_version="apps/v1", kind="Deployment", name=name),
    )
