"""Signed URLs, held to https://jfrog.com/help/r/jfrog-rest-apis/create-signed-url."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from lab.access import Lab

pytestmark = pytest.mark.lab
Put = Callable[..., str]


@pytest.fixture
def nobody() -> Iterator[httpx.Client]:
    """A client without any login."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client


def signed(api: httpx.Client, **asked: object) -> httpx.Response:
    return api.post("/api/signed/url", json=asked)


def test_anybody_may_fetch_by_it_and_nothing_else(api: httpx.Client, nobody: httpx.Client, put: Put) -> None:
    path, other = put("a.bin", b"the bytes"), put("b.bin", b"others")
    url = signed(api, repo_path=f"/{path}", valid_for_secs=100).raise_for_status().text
    assert url.startswith(f"{str(api.base_url).rstrip('/')}/{path}?sig=")
    assert nobody.get(url).content == b"the bytes"
    assert nobody.get(url, headers={"Range": "bytes=4-"}).content == b"bytes"
    assert nobody.get(url.replace(path, other)).status_code == 403
    assert nobody.put(url, content=b"new").status_code == 403
    assert nobody.delete(url).status_code == 403
    assert nobody.get(f"{url}x").status_code == 403
    assert nobody.get(url.partition("?")[0]).status_code == 401


def test_it_ends(api: httpx.Client, nobody: httpx.Client, put: Put) -> None:
    path = put("a.bin")
    ended = signed(api, repo_path=f"/{path}", expiry=1000 * (int(time.time()) - 10)).raise_for_status().text
    assert nobody.get(ended).status_code == 403
    assert nobody.get(signed(api, repo_path=f"/{path}").text).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"repo_path": 1}, 400),
        ({"repo_path": "/generic-local/../a"}, 400),
        ({"repo_path": "/generic-local/tests/never/there"}, 404),
        ({"repo_path": "/generic-local/a", "valid_for_secs": 366 * 24 * 3600}, 400),
        ({"repo_path": "/generic-local/a", "valid_for_secs": "1"}, 400),
        ({"repo_path": "/generic-local/a", "valid_for_secs": 0}, 400),
    ],
)
def test_what_is_not_signed(api: httpx.Client, asked: dict[str, object], status: int) -> None:
    assert signed(api, **asked).status_code == status


def test_a_reader_signs_nothing(lab: Lab, put: Put) -> None:
    login = lab.artifactory_reader
    with httpx.Client(base_url=login.url, auth=login.auth, timeout=30, trust_env=False) as reader:
        assert signed(reader, repo_path=f"/{put('a.bin')}").status_code == 403
