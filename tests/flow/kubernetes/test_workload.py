"""What a spec becomes on Kubernetes."""

from __future__ import annotations

from typing import Any

from slipway.flow.kubernetes.objects import ObjectRef, pod_spec
from slipway.flow.kubernetes.workload import APPLICATION, refs
from tests.flow.builders import image, push, workload

EVERYTHING = """{
  replicas: 3, service: NodePort, progress_seconds: 60,
  ports: [{name: http, container: 8080}, {name: admin, container: 9000, service: 9001}],
  env: {LEVEL: info, PASSWORD: {secret: shop-db, key: password}},
  resources: {cpu: 50m, memory: 32Mi, memory_limit: 64Mi},
  probes:
    {readiness: {http: /ready}, liveness: {tcp: true, port: admin}, startup: {command: [test, -e, /up]}},
  config: {settings: {mount: /etc/shop, data: {shop.ini: "a=b"}}},
  volumes:
    {data: {mount: /data, claim: shop}, tls: {mount: /tls, secret: tls}, tmp: {mount: /tmp, empty: 1Mi}},
  health: {path: /}}"""


def body(kind: str, kubernetes: str = EVERYTHING) -> dict[str, Any]:
    return next(one for one in workload(kubernetes).objects if one["kind"] == kind)


def container() -> dict[str, Any]:
    found: dict[str, Any] = pod_spec(body("Deployment"))["containers"][0]
    return found


def test_objects_come_in_the_order_to_apply_them() -> None:
    assert [ref.kind for ref in refs(workload(EVERYTHING).objects)] == ["ConfigMap", "Service", "Deployment"]


def test_without_ports_there_is_no_service() -> None:
    assert [str(ref) for ref in refs(workload().objects)] == ["deployment/shop"]


def test_container_runs_the_image_by_digest_under_the_applications_name() -> None:
    assert container()["image"] == image().reference
    assert container()["name"] == "shop"


def test_ports_are_named_the_same_in_the_service() -> None:
    assert [(port["name"], port["containerPort"]) for port in container()["ports"]] == [
        ("http", 8080),
        ("admin", 9000),
    ]
    service = body("Service")["spec"]
    assert service["type"] == "NodePort"
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [
        (80, "http"),
        (9001, "admin"),
    ]


def test_service_selects_the_pods_of_the_deployment() -> None:
    deployment = body("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (deployment["selector"]["matchLabels"], body("Service")["spec"]["selector"]):
        assert selector.items() <= labels.items()


def test_secrets_are_named_and_never_read() -> None:
    assert container()["env"][1] == {
        "name": "PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "shop-db", "key": "password"}},
    }


def test_resources_ask_and_limit() -> None:
    assert container()["resources"] == {
        "requests": {"cpu": "50m", "memory": "32Mi"},
        "limits": {"memory": "64Mi"},
    }


def test_probes_ask_in_their_own_way() -> None:
    assert container()["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http"}
    assert container()["livenessProbe"]["tcpSocket"] == {"port": "admin"}
    assert container()["startupProbe"]["exec"] == {"command": ["test", "-e", "/up"]}


def test_every_mount_has_its_volume() -> None:
    mounts = {mount["name"] for mount in container()["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod_spec(body("Deployment"))["volumes"]}


def test_config_that_changes_has_another_name_so_that_old_pods_keep_theirs() -> None:
    before, after = body("ConfigMap"), body("ConfigMap", EVERYTHING.replace("a=b", "a=c"))
    assert before["metadata"]["name"] != after["metadata"]["name"]
    assert after["metadata"]["name"] in str(pod_spec(body("Deployment", EVERYTHING.replace("a=b", "a=c"))))


def test_another_commit_with_the_same_image_starts_no_pod_anew() -> None:
    def template(commit: str) -> Any:
        return workload(EVERYTHING, push(commit)).objects[-1]["spec"]["template"]

    assert template("a") == template("b")


def test_every_object_says_whose_it_is_and_from_which_commit() -> None:
    for one in workload(EVERYTHING).objects:
        assert one["metadata"]["namespace"] == "acme"
        assert one["metadata"]["labels"][APPLICATION] == "shop"
        assert one["metadata"]["annotations"]["slipway.io/commit"] == "a" * 40


def test_old_version_serves_until_the_new_one_does() -> None:
    assert body("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_name_of_an_object_is_as_people_type_it() -> None:
    assert str(ObjectRef(api_version="apps/v1", kind="Deployment", name="shop")) == "deployment/shop"
