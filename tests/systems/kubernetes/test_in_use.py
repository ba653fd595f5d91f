"""What the lab's cluster runs, by the digests of images."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from slipway.flow.kubernetes.objects import ObjectRef
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.in_use import running
from tests.flow.builders import image, push, workload
from tests.systems.kubernetes.conftest import NAMESPACE

pytestmark = pytest.mark.lab

TRIES, PAUSE_SECONDS = 400, 0.3


def digest() -> str:
    return f"sha256:{secrets.token_hex(32)}"


async def test_a_release_is_in_use_from_its_beginning_and_the_one_before_until_it_is_kept(
    cluster: Cluster, application: str
) -> None:
    first, second = digest(), digest()
    for number, one in enumerate((first, second)):
        wanted = workload(
            "{replicas: 0}",
            push("ab"[number], number),
            name=application,
            namespace=NAMESPACE,
            runs=image(application, one),
        )
        await deployer.begin(cluster, wanted, f"run-{number}")
        found = await running(cluster, [NAMESPACE])
        assert found[one] == f"deployment {NAMESPACE}/{application} runs it"
        assert first in found
        await deployer.keep(cluster, application, NAMESPACE, f"run-{number}")
    await deployer.clear(cluster, application, NAMESPACE, "run-1")
    found = await running(cluster, [NAMESPACE])
    assert (first in found, second in found) == (False, True)


async def test_pods_and_those_that_are_to_be_made_are_in_use_whoever_wants_them(
    cluster: Cluster, application: str
) -> None:
    by_digest, tag = digest(), f"docker-local/demo/{application}:one"
    containers = {"initContainers": f"registry.test/x@{by_digest}", "containers": f"registry.test:5000/{tag}"}
    template = {
        "metadata": {"labels": {"test": application}},
        "spec": {kind: [{"name": kind.lower(), "image": name}] for kind, name in containers.items()},
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": application},
        "spec": {"selector": {"matchLabels": {"test": application}}, "template": template, "replicas": 1},
    }
    await cluster.apply(body, NAMESPACE)
    found: dict[str, str] = {}
    for _ in range(TRIES):
        found = await running(cluster, [NAMESPACE])
        if {by_digest, tag} <= found.keys():
            break
        await asyncio.sleep(PAUSE_SECONDS)
    assert tag in found
    assert f"{NAMESPACE}/{application}-" in found[by_digest]


async def test_of_an_application_whose_ledger_is_broken_every_image_may_run(
    cluster: Cluster, application: str
) -> None:
    await deployer.begin(cluster, workload(name=application, namespace=NAMESPACE), "run-1")
    ref = ObjectRef(api_version="v1", kind="ConfigMap", name=f"{application}.slipway")
    body = await cluster.find(ref, NAMESPACE)
    assert body is not None
    await cluster.put_config_map(body | {"binaryData": {}}, NAMESPACE)
    found = await running(cluster, [NAMESPACE])
    assert "was changed by someone else" in found[application]
    await ledger.forget(cluster, application, NAMESPACE)
