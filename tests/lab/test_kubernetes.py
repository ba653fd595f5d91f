"""The lab's Kubernetes node: pods run, a NodePort answers on loopback, logins may do what they should."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.access import Lab
from lab.ground import ground_of
from lab.images.base import busybox_layer
from lab.images.publish import Name, publish
from lab.kubernetes.given import GivenCluster
from lab.kubernetes.layout import GATEWAY
from lab.order import with_needs
from lab.paths import paths_of, this_checkout
from lab.roster import servers
from lab.server import LabError, Server
from tests.registry_images import digest_of, http

pytestmark = pytest.mark.lab

PAGE = "served by a pod"
SERVE = f"mkdir /www; echo {PAGE} > /www/index.html; exec busybox httpd -f -v -p 8080 -h /www"


@pytest.fixture(scope="session")
def environment(lab: Any) -> dict[str, str]:
    assert lab["KUBECONFIG"]
    variables: dict[str, str] = lab.variables
    return variables


@pytest.fixture(scope="session")
def node(environment: dict[str, str]) -> Server:
    [found] = [s for s in with_needs(servers(ground_of(this_checkout())), []) if s.name == "kubernetes"]
    return found


@dataclass(frozen=True)
class Login:
    """The APIs as one user sees them."""

    core: client.CoreV1Api
    apps: client.AppsV1Api


def login(kubeconfig: str) -> Login:
    api = config.new_client_from_config(kubeconfig)
    return Login(client.CoreV1Api(api), client.AppsV1Api(api))


@pytest.fixture(scope="session")
def admin(environment: dict[str, str]) -> Login:
    return login(environment["KUBECONFIG"])


@pytest.fixture(scope="session")
def product(environment: dict[str, str]) -> Login:
    return login(environment["SLIPWAY_KUBECONFIG"])


@pytest.fixture(scope="module")
def image(lab: Lab) -> Iterator[str]:
    """An image that only the registry has, behind its login."""
    name = Name("docker-local/lab-test", secrets.token_hex(4))
    with http(lab.registry) as registry:
        publish(registry, name, busybox_layer(this_checkout().cache), ("sh",))
        digest = digest_of(registry, name.repository, name.tag)
        yield f"{lab['SLIPWAY_REGISTRY']}/{name.repository}@{digest}"
        registry.delete(f"/v2/{name.repository}/manifests/{digest}").raise_for_status()


@pytest.fixture(scope="module")
def served(product: Login, image: str) -> Iterator[str]:
    """The name of a Deployment and Service in a tenant's namespace, applied by the product's login."""
    name = f"lab-test-{secrets.token_hex(3)}"
    labels = {"app": name}
    container = {
        "name": "web",
        "image": image,
        "imagePullPolicy": "Always",
        "command": ["sh", "-c", SERVE],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    deployment = {
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    service = {
        "metadata": {"name": name},
        "spec": {"type": "NodePort", "selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    product.apps.create_namespaced_deployment("demo", deployment)
    product.core.create_namespaced_service("demo", service)
    yield name
    product.apps.delete_namespaced_deployment(name, "demo")
    product.core.delete_namespaced_service(name, "demo")


def until(seconds: float = 60) -> Retrying:
    return Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type((AssertionError, httpx.TransportError)),
        reraise=True,
    )


def wait_for_pods(product: Login, name: str) -> None:
    for attempt in until():
        with attempt:
            status = product.apps.read_namespaced_deployment(name, "demo").status
            assert status.available_replicas == 2, told(product, name)


def told(product: Login, name: str) -> str:
    """What the cluster says of an application's pods."""
    pods = product.core.list_namespaced_pod("demo", label_selector=f"app={name}").items
    states = [
        f"{pod.metadata.name} {pod.status.pod_ip} ready={one.ready} {one.restart_count} restarts {one.state}"
        for pod in pods
        for one in pod.status.container_statuses or []
    ]
    events = [
        f"{event.last_timestamp} {event.involved_object.name} {event.reason} ({event.count}): {event.message}"
        for event in product.core.list_namespaced_event("demo").items
        if event.involved_object.name.startswith(name)
    ]
    return "\n".join(" ".join(line.split()) for line in (*states, *events))


def test_the_node_is_ready_and_is_reached_on_loopback(admin: Login, node: Server) -> None:
    assert node.is_up()
    [found] = admin.core.list_node().items
    conditions = {condition.type: condition.status for condition in found.status.conditions}
    assert conditions["Ready"] == "True"
    assert {address.address for address in found.status.addresses} == {"127.0.0.1"}


def test_a_proxy_is_not_asked_for_a_node_on_this_machine(
    node: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert node.is_up()


def test_starting_it_again_changes_nothing(node: Server) -> None:
    before = node.pids()
    node.start()
    assert node.pids() == before
    assert len(before) == 8


def test_pods_of_a_tenant_run_images_behind_the_registrys_login(product: Login, served: str) -> None:
    wait_for_pods(product, served)
    pods = product.core.list_namespaced_pod("demo", label_selector=f"app={served}").items
    assert [pod.spec.image_pull_secrets for pod in pods] == [None, None]


def test_a_node_port_answers_on_loopback_and_nowhere_else(product: Login, served: str) -> None:
    wait_for_pods(product, served)
    port = product.core.read_namespaced_service(served, "demo").spec.ports[0].node_port
    for attempt in until():
        with attempt:
            assert httpx.get(f"http://127.0.0.1:{port}/", timeout=5).text.strip() == PAGE
    elsewhere = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name == "AF_INET" and not address.address.startswith("127.")
    ]
    assert elsewhere
    for address in elsewhere:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://{address}:{port}/", timeout=2)


def test_logs_and_commands_reach_the_pods(product: Login, admin: Login, served: str) -> None:
    wait_for_pods(product, served)
    pod = product.core.list_namespaced_pod("demo", label_selector=f"app={served}").items[0].metadata.name
    assert "response:200" in product.core.read_namespaced_pod_log(pod, "demo")
    asked = ["wget", "-q", "-O", "-", f"http://{service_address(product, served)}/"]
    assert said_in(admin, pod, *asked) == PAGE


def said_in(admin: Login, pod: str, *command: str) -> str:
    """What a command says in a tenant's pod."""
    execute = admin.core.connect_get_namespaced_pod_exec
    return str(stream(execute, pod, "demo", command=list(command), stdout=True)).strip()


def test_a_pod_finds_a_service_by_its_name(product: Login, admin: Login, served: str) -> None:
    wait_for_pods(product, served)
    pod = product.core.list_namespaced_pod("demo", label_selector=f"app={served}").items[0].metadata.name
    for name in (served, f"{served}.demo", f"{served}.demo.svc.cluster.local"):
        assert said_in(admin, pod, "wget", "-q", "-O", "-", f"http://{name}/") == PAGE
    refused = said_in(admin, pod, "sh", "-c", f"wget -q -O - http://{served}.other/ 2>&1 || echo failed")
    assert "bad address" in refused
    events = product.core.list_namespaced_event("demo").items
    assert "MissingClusterDNS" not in {event.reason for event in events}


def test_names_of_the_cluster_are_asked_for_on_the_pods_bridge_alone(node: Server, lab: Lab) -> None:
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for pid in node.pids()
        for connection in psutil.Process(pid).net_connections("udp")
        if psutil.Process(pid).name() == "coredns" and not connection.raddr
    }
    assert listening == {(GATEWAY, 53)}


def service_address(product: Login, name: str) -> str:
    return str(product.core.read_namespaced_service(name, "demo").spec.cluster_ip)


def test_an_image_that_is_not_there_is_named_in_the_pods_state(product: Login, image: str) -> None:
    name = f"lab-test-{secrets.token_hex(3)}"
    labels = {"app": name}
    container = {"name": "web", "image": image.partition("@")[0] + ":absent"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    wanted = {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    product.apps.create_namespaced_deployment("other", wanted)
    try:
        for attempt in until():
            with attempt:
                pods = product.core.list_namespaced_pod("other", label_selector=f"app={name}").items
                states = [state.state for pod in pods for state in pod.status.container_statuses or []]
                reasons = [state.waiting.reason for state in states if state.waiting]
                assert reasons in (["ErrImagePull"], ["ImagePullBackOff"])
    finally:
        product.apps.delete_namespaced_deployment(name, "other")


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda product: product.core.list_namespaced_secret("demo"),
        lambda product: product.core.list_namespaced_pod("kube-system"),
        lambda product: product.core.list_pod_for_all_namespaces(),
        lambda product: product.apps.create_namespaced_deployment("default", {"metadata": {"name": "x"}}),
        lambda product: product.core.create_namespace({"metadata": {"name": "mine"}}),
        lambda product: product.core.delete_namespace("demo"),
        lambda product: product.core.connect_get_namespaced_pod_exec("x", "demo", command="id"),
    ],
)
def test_the_product_may_not_leave_its_tenants(product: Login, forbidden: object) -> None:
    assert callable(forbidden)
    with pytest.raises(ApiException, match="Forbidden"):
        forbidden(product)


def test_the_product_finds_namespaces_and_nodes(product: Login) -> None:
    assert product.core.read_namespace("demo").metadata.name == "demo"
    assert product.core.list_node().items


def test_nobody_gets_in_without_a_login(node: Server) -> None:
    state = this_checkout().state
    authority = state / "kubernetes" / "certificates" / "authority.crt"
    kubelet = ground_of(this_checkout()).ports.get("kubernetes-kubelet", 10250)
    for url in (f"{node.url}/api/v1/namespaces", f"https://127.0.0.1:{kubelet}/pods"):
        assert httpx.get(url, verify=str(authority), timeout=5).status_code == 401


def test_every_socket_of_the_node_is_on_loopback(node: Server) -> None:
    listening = [
        (psutil.Process(pid).name(), connection.laddr.ip)
        for pid in node.pids()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    programs = {"containerd", "coredns", "etcd", "kube-apiserver", "kubelet", "kube-proxy"}
    assert {name for name, _ in listening} >= programs
    assert {address for _, address in listening} == {"127.0.0.1", GATEWAY}
    assert {name for name, address in listening if address == GATEWAY} == {"coredns"}


def test_a_cluster_of_the_users_keeps_its_own_namespaces(
    admin: Login, environment: dict[str, str], tmp_path: Path
) -> None:
    """The lab's own node stands for it, whose namespaces another lab has made."""
    before = admin.core.read_namespace("demo").metadata
    cluster = GivenCluster(ground_of(paths_of(tmp_path)), environment["KUBECONFIG"])
    assert cluster.is_up()
    cluster.start()
    cluster.stop()
    after = admin.core.read_namespace("demo").metadata
    assert (after.uid, after.labels, after.deletion_timestamp) == (before.uid, before.labels, None)


def test_a_cluster_of_the_users_that_is_away_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = yaml.safe_load(Path(environment["KUBECONFIG"]).read_text())
    settings["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    away = tmp_path / "kubeconfig"
    away.write_text(yaml.safe_dump(settings))
    cluster = GivenCluster(ground_of(paths_of(tmp_path)), str(away))
    assert not cluster.is_up()
    with pytest.raises(LabError, match="does not answer; start that cluster, or unset KUBECONFIG"):
        cluster.start()
    cluster.stop()
