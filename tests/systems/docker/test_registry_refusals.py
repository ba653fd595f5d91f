"""Answers that the lab's registries never give: each becomes the right error, and never "absent"."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest

from slipway.docker.errors import DigestMismatchError, DockerError, TransientDockerError
from slipway.docker.registry import IMAGE_TYPES, Registry, RegistryClient, is_loopback
from tests.broken_server import Answer, Asked, serving

SECRET = "s3cret-of-the-connection"
BODY = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


def client(host: str) -> RegistryClient:
    return Registry(host, "robot", SECRET).client()


def always(status: int, body: bytes = b"", **headers: str) -> Callable[..., Answer]:
    return lambda *_: (status, headers, body)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_registry_that_cannot_say_is_asked_four_times_and_is_an_error(status: int) -> None:
    with serving(always(status, b"storage is away")) as served, client(served.host) as registry:
        for ask in (
            lambda: registry.find_manifest("a/b", "1"),
            lambda: registry.has_blob("a/b", DIGEST),
            lambda: registry.get_blob("a/b", DIGEST, 10),
        ):
            served.asked.clear()
            with pytest.raises(TransientDockerError, match=rf"{served.host} answered {status} for"):
                ask()
            assert len(served.asked) == 4


def test_a_registry_that_comes_back_is_believed() -> None:
    answers = iter([(500, {}, b""), (503, {}, b""), (404, {}, b"")])
    with serving(lambda *_: next(answers)) as served, client(served.host) as registry:
        assert registry.find_manifest("a/b", "1") is None
        assert len(served.asked) == 3


def test_nobody_at_the_address_is_an_error_that_may_pass() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        with client(host) as registry, pytest.raises(TransientDockerError, match=f"{host} does not answer"):
            registry.find_manifest("a/b", "1")


def test_an_answer_that_breaks_off_is_an_error_that_may_pass() -> None:
    def half(_: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")

    with serving(half) as served, client(served.host) as registry:
        with pytest.raises(TransientDockerError, match="does not answer"):
            registry.find_manifest("a/b", "1")
        with pytest.raises(TransientDockerError, match="does not answer"):
            registry.get_blob("a/b", DIGEST, 1000)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_says_which_connection_and_not_which_password(status: int) -> None:
    with serving(always(status, b"no")) as served, client(served.host) as registry:
        with pytest.raises(DockerError, match=f"{status}.*Check the login") as caught:
            registry.find_manifest("a/b", "1")
        assert SECRET not in str(caught.value)
        assert SECRET not in repr(registry.registry)
        assert len(served.asked) <= 2


def test_a_foreign_text_is_repeated_capped() -> None:
    with serving(always(400, b"x" * 100_000)) as served, client(served.host) as registry:
        with pytest.raises(DockerError) as caught:
            registry.find_manifest("a/b", "1")
        assert len(str(caught.value)) < 1000


def test_a_manifest_that_is_not_what_was_asked_for_is_refused() -> None:
    headers = {"Content-Type": IMAGE_TYPES[0]}
    with serving(lambda *_: (200, headers, BODY + b" ")) as served, client(served.host) as registry:
        with pytest.raises(DigestMismatchError, match=f"for a/b@{DIGEST}"):
            registry.find_manifest("a/b", DIGEST)
        assert registry.find_manifest("a/b", "latest") is not None


def test_a_manifests_digest_is_of_its_bytes_whatever_the_registry_says() -> None:
    headers = {"Content-Type": f"{IMAGE_TYPES[0]}; charset=utf-8", "Docker-Content-Digest": "sha256:lie"}
    with serving(lambda *_: (200, headers, BODY)) as served, client(served.host) as registry:
        found = registry.find_manifest("a/b", "1")
    assert found is not None
    assert (found.digest, found.media_type) == (DIGEST, IMAGE_TYPES[0])


@pytest.mark.parametrize(
    ("served_bytes", "at_most", "said"),
    [
        (b"other bytes", 1000, "other bytes than"),
        (b"", 1000, "other bytes than"),
        (BODY, len(BODY) - 1, f"more than {len(BODY) - 1} bytes as"),
    ],
)
def test_a_blob_of_other_bytes_or_too_many_is_refused(served_bytes: bytes, at_most: int, said: str) -> None:
    with (
        serving(always(200, served_bytes)) as served,
        client(served.host) as registry,
        pytest.raises(DigestMismatchError, match=f"{said} {DIGEST}"),
    ):
        registry.get_blob("a/b", DIGEST, at_most)


def test_a_blob_of_exactly_the_allowed_size_is_returned() -> None:
    with serving(always(200, BODY)) as served, client(served.host) as registry:
        assert registry.get_blob("a/b", DIGEST, len(BODY)) == BODY


def test_a_blob_is_handed_on_while_it_arrives() -> None:
    """The far side sends the second half only after the first was seen: nothing is held back in memory."""
    half, seen, in_time = 1024 * 1024, Event(), []

    def slowly(_: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 * half))
        handler.end_headers()
        handler.wfile.write(b"a" * half)
        handler.wfile.flush()
        in_time.append(seen.wait(5))
        handler.wfile.write(b"b" * half)

    digest = f"sha256:{hashlib.sha256(b'a' * half + b'b' * half).hexdigest()}"
    with serving(slowly) as served, client(served.host) as registry:
        total = 0
        for chunk in registry.iterate_blob("a/b", digest, 2 * half):
            seen.set()
            total += len(chunk)
    assert total == 2 * half
    assert in_time == [True]


def test_a_token_is_asked_for_once_a_repository_and_used_again() -> None:
    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> Answer:
        if asked.path.startswith("/token"):
            return 200, {}, json.dumps({"token": f"T{asked.path[-1]}"}).encode()
        if "authorization" in asked.headers:
            return 404, {}, b""
        name = asked.path.split("/")[2]
        challenge = f'Bearer realm="http://{served.host}/token",service="hub",scope="pull:{name}"'
        return 401, {"WWW-Authenticate": challenge}, b""

    with serving(answer) as served, client(served.host) as registry:
        for repository in ("a", "a", "b"):
            assert registry.find_manifest(repository, "1") is None
        tokens = [asked for asked in served.asked if asked.path.startswith("/token")]
        assert [asked.path for asked in tokens] == [
            "/token?service=hub&scope=pull%3Aa",
            "/token?service=hub&scope=pull%3Ab",
        ]
        basic = base64.b64encode(f"robot:{SECRET}".encode()).decode()
        assert {asked.headers["authorization"] for asked in tokens} == {f"Basic {basic}"}
        used = [asked.headers.get("authorization") for asked in served.asked if asked not in tokens]
        assert used == [None, "Bearer Ta", "Bearer Ta", None, "Bearer Tb"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"", DockerError),
        (404, b"", DockerError),
        (200, b"{}", DockerError),
        (200, b"[]", DockerError),
        (200, b"<html>", DockerError),
        (500, b"", TransientDockerError),
        (429, b"", TransientDockerError),
    ],
)
def test_without_a_token_nothing_is_absent(status: int, body: bytes, expected: type[Exception]) -> None:
    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> Answer:
        if asked.path.startswith("/token"):
            return status, {}, body
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{served.host}/token"'}, b"denied"

    with (
        serving(answer) as served,
        client(served.host) as registry,
        pytest.raises(expected, match=f"gave no token: it answered {status}"),
    ):
        registry.find_manifest("a", "1")


def test_a_token_that_the_registry_refuses_ends_the_round() -> None:
    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> Answer:
        if asked.path.startswith("/token"):
            return 200, {}, b'{"access_token": "T"}'
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{served.host}/token"'}, b"denied"

    with serving(answer) as served, client(served.host) as registry:
        with pytest.raises(DockerError, match=r"401.*denied\. Check the login"):
            registry.find_manifest("a", "1")
        assert [asked.path.split("?")[0] for asked in served.asked] == [
            "/v2/a/manifests/1",
            "/token",
            "/v2/a/manifests/1",
        ]


def test_a_login_does_not_follow_a_redirect_to_another_host() -> None:
    with serving(always(200, BODY)) as storage:
        moved = always(307, Location=f"http://{storage.host.replace('127.0.0.1', 'localhost')}/blob")
        challenged = []

        def answer(asked: Asked, handler: BaseHTTPRequestHandler) -> Answer:
            challenged.append("authorization" in asked.headers)
            if not challenged[-1]:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            return moved()

        with serving(answer) as served, client(served.host) as registry:
            assert registry.get_blob("a/b", DIGEST, 1000) == BODY
        assert challenged == [False, True]
        assert [asked.headers.get("authorization") for asked in storage.asked] == [None]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:5001", True),
        ("127.1.2.3", True),
        ("localhost:5000", True),
        ("localhost", True),
        ("[::1]:5000", True),
        ("images.example.org", False),
        ("10.0.0.1:5000", False),
        ("localhost.example.org:80", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_only_this_machine_is_asked_without_tls(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
    assert Registry(host).url == f"{'http' if expected else 'https'}://{host}"
