"""``tenant_sync`` as Airflow runs it, on the lab's Keystone and cluster."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.access import Lab
from lab.kubernetes.api import Cluster
from slipway.flow.tenancy.wanted import PROJECT

pytestmark = pytest.mark.lab

DAG = "/api/v2/dags/tenant_sync"


@pytest.fixture(scope="module")
def unpaused(airflow_api: httpx.Client) -> Any:
    """It starts paused; a paused DAG runs nothing that is started by hand either."""
    before = airflow_api.get(DAG).raise_for_status().json()["is_paused"]
    airflow_api.patch(DAG, json={"is_paused": False}).raise_for_status()
    yield
    airflow_api.patch(DAG, json={"is_paused": before}).raise_for_status()


def run(airflow_api: httpx.Client, **conf: bool) -> dict[str, str]:
    """Start a run, wait for its end; return its tasks' states."""
    started = airflow_api.post(f"{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
    path = f"{DAG}/dagRuns/{started.raise_for_status().json()['dag_run_id']}"
    for attempt in Retrying(
        stop=stop_after_delay(240),
        wait=wait_fixed(1),
        retry=retry_if_exception_type(AssertionError),
        reraise=True,
    ):
        with attempt:
            assert airflow_api.get(path).json()["state"] in ("success", "failed")
    tasks = airflow_api.get(f"{path}/taskInstances").raise_for_status().json()["task_instances"]
    return {task["task_id"]: task["state"] for task in tasks}


@pytest.mark.usefixtures("unpaused")
def test_a_run_brings_keystone_onto_the_cluster_and_a_second_has_nothing_to_do(
    airflow_api: httpx.Client, lab: Lab
) -> None:
    assert run(airflow_api, dry_run=True) == {"plan": "success", "apply": "skipped"}
    assert run(airflow_api)["plan"] == "success"
    assert run(airflow_api) == {"plan": "success", "apply": "skipped"}
    cluster = Cluster(str(lab.kubeconfig))
    namespace = cluster.find("/api/v1/namespaces/demo")
    assert namespace
    assert PROJECT in namespace["metadata"]["labels"]
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings"
    assert cluster.find(f"{bindings}/slipway:tenants:member")
    assert cluster.find(f"{bindings}/slipway:tenants::deployer")
