"""The lab's registries and its engine; what a test puts there is taken away again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import docker
import pytest
from tenacity import wait_none

from lab.access import Lab, Login
from slipway.docker.engine import Engine
from slipway.docker.registry import Registry, RegistryClient
from tests.registry_images import remove


@pytest.fixture(autouse=True)
def _tries_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find_manifest", "put_manifest", "has_blob", "get_blob", "put_blob"):
        monkeypatch.setattr(getattr(RegistryClient, name).retry, "wait", wait_none())


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
    """A repository of the image registry that nobody else uses."""
    name = f"docker-local/tests/{secrets.token_hex(6)}"
    yield name
    remove(lab.registry, name)


@pytest.fixture
def base(lab: Lab) -> Iterator[str]:
    """A repository of Docker Hub that nobody else uses; its copies in the image registry go too."""
    name = f"tests/{secrets.token_hex(6)}"
    yield name
    remove(lab.dockerhub, name)
    remove(lab.registry, f"docker-remote/{name}")


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
