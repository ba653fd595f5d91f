"""An application's own manifests: what is taken, and what is refused with file, line and cure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.document import DocumentError
from slipway.flow.kubernetes.manifests import from_manifests

OWN_MANIFESTS = Path(__file__).parents[3] / "lab" / "examples" / "own-manifests"
REFERENCE = f"registry:5000/docker-local/acme/shop@sha256:{'d' * 64}"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      containers:
        - name: shop
          image: anything
          ports: [{containerPort: 8080}]
        - name: sidecar
          image: registry:5000/sidecar@sha256:1
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{port: 80}]}\n"


def read(**files: str) -> list[dict[str, Any]]:
    content = {f"{name}.yaml": text.encode() for name, text in files.items()}
    return from_manifests(content, "shop", "acme", REFERENCE)


def refusal(**files: str) -> str:
    with pytest.raises(DocumentError) as error:
        read(**files)
    return str(error.value)


def pod(extra: str) -> str:
    """A deployment whose pod spec ends with ``extra`` (line 14)."""
    return f"{DEPLOYMENT}      {extra}\n"


def test_only_the_container_named_like_the_application_gets_the_image() -> None:
    (body,) = read(app=DEPLOYMENT)
    assert [one["image"] for one in body["spec"]["template"]["spec"]["containers"]] == [
        REFERENCE,
        "registry:5000/sidecar@sha256:1",
    ]


def test_namespace_is_said_and_the_protocol_of_ports() -> None:
    deployment, service = read(app=DEPLOYMENT, service=SERVICE)
    assert deployment["metadata"]["namespace"] == service["metadata"]["namespace"] == "acme"
    assert service["spec"]["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_manifests_in_json_say_the_same() -> None:
    """Those of the example, which are YAML."""
    files = {path.stem: path.read_text() for path in (OWN_MANIFESTS / "kubernetes").iterdir()}
    in_json = {name: json.dumps(yaml.safe_load(text)) for name, text in files.items()}
    made = [from_manifests(_bytes(one), "own-manifests", "demo", REFERENCE) for one in (files, in_json)]
    assert {body["kind"] for body in made[0]} == {"Deployment", "Service"}
    assert made[0] == made[1]


def _bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def test_several_documents_in_a_file() -> None:
    assert [body["kind"] for body in read(all=f"{DEPLOYMENT}---\n{SERVICE}---\n")] == [
        "Deployment",
        "Service",
    ]


def test_cron_job_gets_the_image_too() -> None:
    cron = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: shop-clean}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: shop, image: x}]}}}}}
"""
    assert REFERENCE in str(read(cron=cron))


def kind(name: str, api_version: str = "apps/v1") -> str:
    return DEPLOYMENT.replace("kind: Deployment", f"kind: {name}").replace("apps/v1", api_version)


def metadata(text: str) -> str:
    return DEPLOYMENT.replace("  name: shop\nspec", f"  {text}\nspec")


def first(text: str) -> str:
    return pod(f"initContainers: [{{name: a, {text}}}]")


REFUSED = {
    "metadata.namespace: must be 'acme', the namespace of this environment": metadata(
        "name: shop\n  namespace: kube-system"
    ),
    "app.yaml:2: kind: 'ClusterRole' may not": kind("ClusterRole"),
    "app.yaml:2: kind: 'Secret' may not": kind("Secret", "v1"),
    "app.yaml:2: kind: \"['a']\" may not": kind("[a]"),
    "app.yaml:1: apiVersion: of a Deployment must be apps/v1": kind("Deployment", "extensions/v1beta1"),
    "metadata.name: must be a DNS name": metadata("name: ../x"),
    "does not end in .slipway": metadata("name: hello.slipway"),
    "app.yaml:5: metadata.finalizers: is not supported": metadata("name: shop\n  finalizers: [a]"),
    "metadata.labels: must be a mapping of strings": metadata("name: shop\n  labels: {a: 1}"),
    "no container is named 'shop'": DEPLOYMENT.replace("- name: shop", "- name: other"),
    "app.yaml:14: spec.template.spec.hostNetwork": pod("hostNetwork: true"),
    "spec.template.spec.hostPID": pod("hostPID: true"),
    "volumes[0].hostPath": pod("volumes: [{name: a, hostPath: {path: /}}]"),
    "'a' is privileged": first("securityContext: {privileged: true}"),
    "'a' adds the capability SYS_ADMIN": first("securityContext: {capabilities: {add: [SYS_ADMIN]}}"),
    "'a' has a hostPort": first("ports: [{containerPort: 1, hostPort: 1}]"),
    "app.yaml:15: must be a mapping": f"{DEPLOYMENT}---\n- a\n",
    "app.yaml:18: metadata.name: deployment/shop is in app.yaml too": f"{DEPLOYMENT}---\n{DEPLOYMENT}",
    "spec.externalIPs": SERVICE.replace("spec: {", "spec: {externalIPs: [192.0.2.1], "),
    "app.yaml:1: has the anchor": "a: &a 1\nb: *a\n",
    "app.yaml: is empty": "",
    "kind: 'None' may not": "metadata: {name: shop}",
    "metadata: must be a mapping": "apiVersion: v1\nkind: Service\nmetadata: shop",
}


@pytest.mark.parametrize("said", REFUSED)
def test_is_refused_with_its_place_and_cure(said: str) -> None:
    assert said in refusal(app=REFUSED[said])


KEYS = st.sampled_from(["spec", "template", "containers", "name", "ports", "metadata"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@given(spec=json_values, metadata=json_values)
def test_whatever_a_manifest_says_the_answer_is_objects_or_a_clear_error(spec: Any, metadata: Any) -> None:
    text = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    with suppress(DocumentError):
        read(app=DEPLOYMENT, other=text)
