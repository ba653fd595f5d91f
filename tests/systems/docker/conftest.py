"""The lab's registries and its engine; what a test puts there is taken away again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import docker
import httpx
import pytest

from lab.access import Lab, Login
from slipway.docker.engine import Engine
from slipway.docker.registry import Registry, RegistryClient

HUB_REPOSITORY, HUB_TAG = "library/busybox", "1.36"


def registry_of(login: Login) -> Registry:
    return Registry(login.url.removeprefix("http://"), login.user, login.password)


@pytest.fixture
def registry(lab: Lab) -> Iterator[RegistryClient]:
    """The image registry."""
    with registry_of(lab.registry).client() as client:
        yield client


@pytest.fixture
def hub(lab: Lab) -> Iterator[RegistryClient]:
    """The stand-in of Docker Hub."""
    with registry_of(lab.dockerhub).client() as client:
        yield client


@pytest.fixture
def repository(lab: Lab) -> Iterator[str]:
    """A repository of the image registry that nobody else uses; its manifests go with the test."""
    name = f"docker-local/tests/{secrets.token_hex(6)}"
    yield name
    with httpx.Client(base_url=lab.registry.url, auth=lab.registry.auth, trust_env=False) as client:
        tags = client.get(f"/v2/{name}/tags/list").json().get("tags") or []
        for tag in tags:
            head = client.head(f"/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST})
            client.delete(f"/v2/{name}/manifests/{head.headers['Docker-Content-Digest']}")


@pytest.fixture
def engine(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The product's client of the lab's engine."""
    monkeypatch.setenv("DOCKER_HOST", lab.docker_host)
    with Engine() as found:
        yield found


@pytest.fixture
def docker_api(lab: Lab) -> Iterator[docker.DockerClient]:
    """Docker's own client of the same engine, to look at what the product left."""
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    yield client
    client.close()


MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
