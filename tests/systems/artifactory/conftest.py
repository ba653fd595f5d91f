"""The lab's Artifactory and places in it that one test has for itself; what a test leaves is taken away."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import httpx
import pytest

from lab.access import Lab, Login
from tests.systems.artifactory.pushed_images import Images


def client_of(login: Login) -> httpx.Client:
    return httpx.Client(base_url=login.url, auth=login.auth, timeout=30, trust_env=False)


@pytest.fixture(scope="session")
def api(lab: Lab) -> Iterator[httpx.Client]:
    """Plain HTTP, below ``/artifactory``, logged in."""
    with client_of(lab.artifactory) as client:
        yield client


@pytest.fixture
def folder(api: httpx.Client) -> Iterator[str]:
    """A path (``repository/path``) that no other test uses."""
    name = f"generic-local/tests/{secrets.token_hex(6)}"
    yield name
    api.delete(f"/{name}")


@pytest.fixture
def put(api: httpx.Client, folder: str) -> Callable[..., str]:
    """Deploy ``content`` to ``name`` in the folder, with properties; return the path."""

    def deploy(name: str, content: bytes = b"content", **properties: str) -> str:
        matrix = "".join(f";{key}={value}" for key, value in properties.items())
        api.put(f"/{folder}/{name}{matrix}", content=content).raise_for_status()
        return f"{folder}/{name}"

    return deploy


@pytest.fixture
def build(api: httpx.Client) -> Iterator[str]:
    """A build's name that no other test uses, with the slash that the builds of applications have."""
    name = f"tests/{secrets.token_hex(6)}"
    yield name
    api.post("/api/build/delete", json={"buildName": name, "deleteAll": True})


@pytest.fixture
def images(lab: Lab, api: httpx.Client) -> Iterator[Images]:
    """An image repository in ``docker-local`` that no other test uses."""
    name = f"docker-local/tests/{secrets.token_hex(6)}"
    with client_of(lab.registry) as registry:
        yield Images(registry, name)
    api.delete(f"/{name}")
