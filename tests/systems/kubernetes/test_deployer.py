"""Workloads brought into a real cluster, and taken back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiClient, Configuration

from lab.access import Lab
from lab.kubernetes.versions import OLDEST, version_of
from lab.paths import this_checkout
from slipway.flow.kubernetes.objects import Json, ObjectRef
from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.push import PushEvent
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    SupersededError,
    TransientClusterError,
)
from slipway.kubernetes.watch import KubernetesOutcome, KubernetesWatch, follow
from tests.flow.builders import image, push, workload

pytestmark = pytest.mark.lab

NAMESPACE = "demo"
NONE = "{replicas: 0}"
NONE_WITH_SERVICE = "{replicas: 0, ports: [{container: 80}], config: {a: {mount: /a, data: {b: c}}}}"


def nothing_runs(name: str, kubernetes: str = NONE, pushed: PushEvent | None = None) -> KubernetesPlan:
    """A workload without pods: its rollout is done at once, whatever its image is."""
    return workload(kubernetes, pushed, name=name, namespace=NAMESPACE)


def ref(kind: str, name: str) -> ObjectRef:
    return ObjectRef(api_version="apps/v1" if kind == "Deployment" else "v1", kind=kind, name=name)


async def test_workload_is_applied_kept_and_written_down(cluster: Cluster, application: str) -> None:
    wanted = nothing_runs(application, NONE_WITH_SERVICE)
    watch = await deployer.begin(cluster, wanted, "run-1")
    assert await follow(cluster, watch) == KubernetesOutcome(state="healthy")
    done = await deployer.keep(cluster, application, NAMESPACE, "run-1")

    assert done.where == f"{NAMESPACE}/deployment/{application}"
    assert done.replaced is None
    known = await ledger.read(cluster, application, NAMESPACE)
    assert known.good is not None
    assert known.good.workload == wanted
    body = await cluster.find(ref("Deployment", application), NAMESPACE)
    assert body is not None
    assert {field["manager"] for field in body["metadata"]["managedFields"]} >= {"slipway"}


async def test_what_is_declared_no_longer_is_removed_and_what_was_replaced_is_named(
    cluster: Cluster, application: str
) -> None:
    await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE), "run-1")
    await deployer.keep(cluster, application, NAMESPACE, "run-1")
    await deployer.begin(cluster, nothing_runs(application, NONE, push("b", 1)), "run-2")
    done = await deployer.keep(cluster, application, NAMESPACE, "run-2")
    assert await cluster.find(ref("Service", application), NAMESPACE) is not None
    await deployer.clear(cluster, application, NAMESPACE, "run-2")

    assert done.replaced == image().digest
    assert await cluster.find(ref("Service", application), NAMESPACE) is None
    known = await ledger.read(cluster, application, NAMESPACE)
    assert [str(one) for one in known.applied] == [f"deployment/{application}"]


async def test_going_back_restores_the_objects_and_removes_the_new_ones(
    cluster: Cluster, application: str
) -> None:
    await deployer.begin(cluster, nothing_runs(application), "run-1")
    await deployer.keep(cluster, application, NAMESPACE, "run-1")
    newer = NONE_WITH_SERVICE.replace("replicas: 0", "replicas: 0, env: {A: b}")
    await deployer.begin(cluster, nothing_runs(application, newer, push("b", 1)), "run-2")
    watch = await deployer.go_back(cluster, application, NAMESPACE, "run-2")

    assert watch is not None
    assert await follow(cluster, watch) == KubernetesOutcome(state="healthy")
    assert await cluster.find(ref("Service", application), NAMESPACE) is None
    body = await cluster.find(ref("Deployment", application), NAMESPACE)
    assert body is not None
    assert "env" not in body["spec"]["template"]["spec"]["containers"][0]
    assert body["metadata"]["annotations"]["slipway.io/commit"] == "a" * 40
    known = await ledger.read(cluster, application, NAMESPACE)
    assert known.attempt is None


async def test_version_that_was_kept_here_goes_back_because_of_another_platform(
    cluster: Cluster, application: str
) -> None:
    await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE), "run-1")
    await deployer.keep(cluster, application, NAMESPACE, "run-1")
    await deployer.clear(cluster, application, NAMESPACE, "run-1")
    await deployer.begin(cluster, nothing_runs(application, NONE, push("b", 1)), "run-2")
    await deployer.keep(cluster, application, NAMESPACE, "run-2")

    for _ in range(2):  # as after a crash
        watch = await deployer.go_back(cluster, application, NAMESPACE, "run-2")
        assert watch is not None
        assert await follow(cluster, watch) == KubernetesOutcome(state="healthy")
    known = await ledger.read(cluster, application, NAMESPACE)
    assert known.good is not None
    assert (known.good.run, known.previous, known.attempt) == ("run-1", None, None)
    assert await cluster.find(ref("Service", application), NAMESPACE) is not None


async def test_run_that_never_came_has_nothing_to_go_back_from(cluster: Cluster, application: str) -> None:
    await deployer.begin(cluster, nothing_runs(application), "run-1")
    await deployer.keep(cluster, application, NAMESPACE, "run-1")
    assert await deployer.go_back(cluster, application, NAMESPACE, "run-2") is None
    await deployer.begin(cluster, nothing_runs(application, NONE, push("b", 1)), "run-3")
    with pytest.raises(SupersededError, match="bbbbbbbbbbbb is being rolled out"):
        await deployer.go_back(cluster, application, NAMESPACE, "run-2")


async def test_first_version_that_fails_leaves_nothing(cluster: Cluster, application: str) -> None:
    wanted = workload("{ports: [{container: 80}]}", name=application, namespace=NAMESPACE)
    watch = await deployer.begin(cluster, wanted, "run-1")
    outcome = await follow(cluster, watch)
    assert outcome.state == "failed"
    assert "ImagePullBackOff" in outcome.reason
    assert await deployer.go_back(cluster, application, NAMESPACE, "run-1") is None

    assert await cluster.find(ref("Deployment", application), NAMESPACE) is None
    assert await cluster.find(ref("Service", application), NAMESPACE) is None
    assert await cluster.find(ref("ConfigMap", f"{application}.slipway"), NAMESPACE) is None


async def test_newer_push_displaces_an_older_one_that_still_rolls_out(
    cluster: Cluster, application: str
) -> None:
    older = await deployer.begin(cluster, workload(name=application, namespace=NAMESPACE), "run-1")
    newer = await deployer.begin(cluster, nothing_runs(application, pushed=push("b", 1)), "run-2")

    assert await follow(cluster, older) == KubernetesOutcome(state="displaced")
    for work in (deployer.keep, deployer.go_back, deployer.again):
        with pytest.raises(SupersededError, match="bbbbbbbbbbbb"):
            await work(cluster, application, NAMESPACE, "run-1")
    with pytest.raises(SupersededError, match="is newer"):
        await deployer.begin(cluster, nothing_runs(application), "run-3")
    assert await follow(cluster, newer) == KubernetesOutcome(state="healthy")


async def test_objects_that_others_wrote_over_are_applied_again(cluster: Cluster, application: str) -> None:
    wanted = nothing_runs(application)
    watch = await deployer.begin(cluster, wanted, "run-1")
    await deployer.begin(cluster, nothing_runs(application), "run-1")
    other = json.loads(json.dumps(wanted.objects[0]))
    other["metadata"]["annotations"]["slipway.io/run"] = "somebody"
    await cluster.apply(other, NAMESPACE)
    assert await follow(cluster, watch) == KubernetesOutcome(state="displaced")
    assert await follow(
        cluster, await deployer.again(cluster, application, NAMESPACE, "run-1")
    ) == KubernetesOutcome(state="healthy")


async def test_begin_may_be_repeated_after_a_crash(cluster: Cluster, application: str) -> None:
    for _ in range(2):
        watch = await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE), "run-1")
    assert await follow(cluster, watch) == KubernetesOutcome(state="healthy")


async def test_object_of_someone_else_is_refused_untouched(cluster: Cluster, application: str) -> None:
    spec = {"selector": {"a": "b"}, "ports": [{"port": 1, "protocol": "TCP"}]}
    theirs: Json = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": application}, "spec": spec}
    await cluster.apply(theirs, NAMESPACE)
    with pytest.raises(ClusterRefusedError, match=f"service/{application} is in namespace demo already"):
        await deployer.begin(cluster, nothing_runs(application, NONE_WITH_SERVICE), "run-1")
    body = await cluster.find(ref("Service", application), NAMESPACE)
    assert body is not None
    assert body["spec"]["selector"] == {"a": "b"}
    assert await cluster.find(ref("Deployment", application), NAMESPACE) is None


async def test_object_that_the_cluster_refuses_is_told_in_its_words(
    cluster: Cluster, application: str
) -> None:
    broken = "{replicas: 0, resources: {memory: 64Mi, memory_limit: 32Mi}}"
    with pytest.raises(ClusterRefusedError, match=r"must be less than or equal to memory limit"):
        await deployer.begin(cluster, nothing_runs(application, broken), "run-1")
    await deployer.go_back(cluster, application, NAMESPACE, "run-1")


async def test_probe_that_is_dropped_is_gone_and_comes_back(cluster: Cluster, application: str) -> None:
    probed = "{replicas: 0, ports: [{container: 80}], probes: {readiness: {http: /}}}"
    for number, (kubernetes, kept) in enumerate(
        [(probed, True), (NONE, False), (probed, True), (NONE, False)]
    ):
        await deployer.begin(
            cluster, nothing_runs(application, kubernetes, push("b", number)), f"run-{number}"
        )
        await deployer.keep(cluster, application, NAMESPACE, f"run-{number}")
        await deployer.clear(cluster, application, NAMESPACE, f"run-{number}")
        body = await cluster.find(ref("Deployment", application), NAMESPACE)
        assert body is not None
        container = body["spec"]["template"]["spec"]["containers"][0]
        assert ("readinessProbe" in container, "ports" in container) == (kept, kept)


class Rival:
    """A client whose every write but server-side apply comes just after somebody else's to the same object.

    :ivar wins: how many of the writes that must not follow another are spoiled.
    """

    def __init__(self, client: ApiClient, wins: int) -> None:
        self.client, self.configuration, self.wins, self.written = client, client.configuration, wins, 0

    async def call_api(self, address: str, method: str, **request: Any) -> Any:
        kind = request["header_params"]["Content-Type"]
        if kind == "application/json-patch+json" or (method == "PUT" and self.written < self.wins):
            self.written += 1
            annotations = {"metadata": {"annotations": {"example.org/written": str(self.written)}}}
            headers = request["header_params"] | {"Content-Type": "application/merge-patch+json"}
            theirs = request | {"header_params": headers, "body": annotations}
            await self.client.call_api(address.replace("Manager=slipway", "Manager=rival"), "PATCH", **theirs)
        return await self.client.call_api(address, method, **request)


async def test_probe_is_dropped_while_others_write_the_object(cluster: Cluster, application: str) -> None:
    probed = nothing_runs(application, "{replicas: 0, probes: {readiness: {command: [date]}}}")
    await cluster.apply(probed.objects[0], NAMESPACE)
    rival = Rival(cluster._api.client, wins=3)
    await Cluster(rival).apply(nothing_runs(application, NONE, push("b", 1)).objects[0], NAMESPACE)

    body = await cluster.find(ref("Deployment", application), NAMESPACE)
    assert body is not None
    assert "readinessProbe" not in body["spec"]["template"]["spec"]["containers"][0]
    corrected = version_of(this_checkout()) is OLDEST  # later ones take the probe away themselves
    theirs = str(rival.written) if corrected else None
    assert body["metadata"]["annotations"].get("example.org/written") == theirs
    notes = {(note["manager"], note["operation"]) for note in body["metadata"]["managedFields"]}
    assert ("slipway", "Apply") in notes
    assert ("slipway", "Update") not in notes
    assert (rival.written > rival.wins) == corrected


async def test_claim_with_data_is_never_removed(cluster: Cluster, application: str) -> None:
    with pytest.raises(ClusterError, match="is kept"):
        await cluster.delete(ref("PersistentVolumeClaim", application), NAMESPACE)


@pytest.mark.parametrize("namespace", ["kube-system", "proxy"])
async def test_namespace_without_rights_names_the_recipe(
    cluster: Cluster, application: str, namespace: str
) -> None:
    with pytest.raises(ClusterError, match=r"forbids it.*deployer\.yaml"):
        await deployer.begin(cluster, workload(NONE, name=application, namespace=namespace), "run-1")


async def test_only_one_of_two_that_write_the_ledger_at_once_wins(cluster: Cluster, application: str) -> None:
    attempt = ledger.KubernetesAttempt(run="run-1", workload=nothing_runs(application))
    known = ledger.claim(ledger.KubernetesLedger(), attempt)
    written = await asyncio.gather(
        *(ledger.write(cluster, known, application, NAMESPACE) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in written) == [*["ClusterConflictError"] * 3, "NoneType"]
    with pytest.raises(ClusterConflictError):
        await ledger.write(cluster, known, application, NAMESPACE)


async def test_ledger_that_someone_broke_names_the_cure(cluster: Cluster, application: str) -> None:
    body: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{application}.slipway"},
        "data": {},
    }
    await cluster.put_config_map(body, NAMESPACE)
    with pytest.raises(ClusterError, match=r"was changed by someone else\. Restore it, or delete it"):
        await ledger.read(cluster, application, NAMESPACE)
    await cluster.delete(ref("ConfigMap", f"{application}.slipway"), NAMESPACE)


async def test_cluster_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    async with ApiClient(Configuration(host="http://127.0.0.1:9")) as client:
        with pytest.raises(TransientClusterError, match="does not answer"):
            await Cluster(client).nodes()


async def test_unknown_login_names_the_connection(lab: Lab, cluster: Cluster) -> None:
    known = cluster._api.client.configuration
    configuration = Configuration(host=known.host, api_key={"BearerToken": "Bearer nobody"})
    configuration.ssl_ca_cert = known.ssl_ca_cert
    async with ApiClient(configuration) as client:
        with pytest.raises(ClusterError, match="refuses the login of connection slipway_kubernetes"):
            await Cluster(client).pods(NAMESPACE, "a=b")


def test_watch_is_small_whatever_the_workload_is() -> None:
    big = "{config: {a: {mount: /a, data: {b: '%s'}}}}" % ("x" * 100_000)
    assert len(json.dumps(KubernetesWatch.of(workload(big), "run").to_json())) < 1000
