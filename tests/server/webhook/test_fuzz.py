"""Requests that nobody would send, to the real application over HTTP: no 500, and nothing grows."""

from __future__ import annotations

import copy
import gc
import http.client
import json
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from slipway.apiserver.routes import create_app
from slipway.flow.webhooks import Webhooks
from slipway.webhook import inbox as inbox_rules
from slipway.webhook import reception as reception_rules
from slipway.webhook import tally as tally_rules
from slipway.webhook.reception import Reception
from slipway.webhook.signature import sign
from slipway.webhook.table import deliveries, tally
from tests.examples import examples
from tests.served import served
from tests.server.airflow_database import AirflowDatabase
from tests.server.conftest import session_of
from tests.server.sender import APPS, KEY, KNOWN, ROUTE, SECRET, encode, headers, push

pytestmark = pytest.mark.slow

UNPARSED = (400, "Invalid HTTP request received.")
"""What uvicorn answers itself."""
DOCUMENTED = {200, 202, 400, 401, 403, 408, 413, 429}
USED = (
    *("ref", "after", "before", "deleted", "repository", "repository.full_name", "repository.pushed_at"),
    *("pusher", "pusher.name", "head_commit", "head_commit.id", "action", "sender", "installation"),
)
"""Paths of a payload that are, or may come to be, read."""
NAMES = (
    *("content-type", "x-github-event", "x-github-delivery", "x-hub-signature-256", "content-encoding"),
    *("x-github-hook-installation-target-type", "x-github-hook-installation-target-id", "x-forwarded-for"),
)
TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["\0", "\ud800", "a\0b", "refs/heads/\ud83d", "refs/heads/main\n", "../..", "${x}", "x" * 5000]
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**4000, -(10**400), 2**63, 1e308]),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
TREES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=4) | st.dictionaries(TEXT, one, max_size=4), max_leaves=12
)
RAW = st.sampled_from(
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"a": 1e400}',
        b'{"a": -1e999}',
        b'{"ref": "\xc3\x28"}',
        b'{"ref": "\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a": ' + b"9" * 100_000 + b"}",
        b'{"repository": {"full_name": "octo/hello"}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"repository": {"full_name": "octo/hello"}, "a": 1e400}',
        b'{"repository": {"full_name": "octo/hello"}, "a": "\\u0000\\ud800"}',
        b'{"repository": {"full_name": "octo/hello"}, "repository": 1}',
    ]
)
BYTES = st.one_of(st.binary(max_size=300), RAW)
EVENTS = st.one_of(st.sampled_from(["push", "ping", "workflow_run", "star"]), st.text("a_1-", max_size=70))
HEADER = st.one_of(
    st.binary(max_size=60).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"").strip()),
    st.sampled_from(
        [
            *(b"", b"\xff\xfe", b"sha256=", b"application/json; charset=\xe9", b'application/json;x="'),
            *(b"multipart/form-data", b"APPLICATION/JSON", b"gzip", b"::1", b"127.0.0.1, x", b"x" * 5000),
        ]
    ),
)


@dataclass
class Server:
    """The application that requests are sent to, and what it stored."""

    database: AirflowDatabase
    app: FastAPI
    reception: Reception
    address: str

    def post(self, path: str, body: bytes, made: dict[str, bytes | str]) -> tuple[int, Any]:
        """Send bytes and headers as they are; return status and JSON of the answer."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.putrequest("POST", path, skip_accept_encoding=True)
            for name, value in ({"content-length": str(len(body))} | made).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, _read(answer)
        finally:
            connection.close()

    def rows(self) -> dict[str, int]:
        """Count the rows of each status, and those of the counts."""
        with self.reception.session() as session:
            found = Counter(session.scalars(select(deliveries.c.status)))
            return dict(found) | {"counts": len(session.execute(select(tally.c.sender)).all())}


def _read(answer: http.client.HTTPResponse) -> Any:
    body = answer.read()
    return json.loads(body) if answer.getheader("content-type") == "application/json" else body.decode()


@pytest.fixture(scope="module")
def server(made: AirflowDatabase) -> Iterator[Server]:
    engine = made.engine()
    apps = APPS.model_copy(
        update={"webhooks": Webhooks(source_per_minute=1_000_000, repository_per_minute=1_000_000)}
    )
    reception = Reception(
        session=lambda: session_of(engine), apps=lambda: apps, secrets=lambda _: KNOWN, keys=lambda: [KEY]
    )
    app = create_app(reception)
    with served(app) as url:
        yield Server(made, app, reception, urlsplit(url).netloc)
    engine.dispose()


def check(status: int, answer: Any) -> None:
    """Every answer is one of those that are documented, and says why."""
    if (status, answer) == UNPARSED:
        return
    assert status in DOCUMENTED, (status, answer)
    assert answer["status"] in ("accepted", "already received", "ignored", "pong", "refused"), answer
    assert answer["status"] == "pong" or answer["reason"], answer


MANY = settings(
    parent=examples(400), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@MANY
@given(
    st.dictionaries(st.sampled_from(NAMES), HEADER, max_size=5), BYTES, st.sets(st.sampled_from(NAMES[:4]))
)
def test_any_headers(server: Server, others: dict[str, bytes], body: bytes, left_out: set[str]) -> None:
    made: dict[str, bytes | str] = {**headers(body), **others}
    for name in left_out - others.keys():
        made.pop(name, None)
    check(*server.post(ROUTE, body, made))


@MANY
@given(BYTES, EVENTS, st.booleans())
@example(b'{"repository": {"full_name": "octo/hello"}, "a": 1e400}', "workflow_run", False)
@example(
    b'{"repository": {"full_name": "octo/hello"}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
    "workflow_run",
    False,
)
def test_any_signed_bytes(server: Server, body: bytes, event: str, form: bool) -> None:
    if form:
        body = b"payload=" + quote(body).encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    check(*server.post(ROUTE, body, {**headers(body, event, content_type=kind)}))


@MANY
@given(st.dictionaries(st.sampled_from(USED), TREES, min_size=1, max_size=3), EVENTS, st.booleans())
def test_any_type_at_every_used_path(server: Server, changes: dict[str, Any], event: str, form: bool) -> None:
    payload = copy.deepcopy(push())
    for path, value in changes.items():
        *way, last = path.split(".")
        node: Any = payload
        for step in way:
            node = node[step] if isinstance(node.get(step), dict) else node.setdefault(f"{step}_", {})
        node[last] = value
    try:
        written = encode(payload)
    except ValueError:  # an integer of too many digits for Python
        assume(False)
    body = urlencode({"payload": written.decode()}).encode() if form else written
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    check(*server.post(ROUTE, body, {**headers(body, event, content_type=kind)}))


@MANY
@given(
    st.lists(st.tuples(st.sampled_from(["payload", "other", ""]), TEXT), max_size=5), st.binary(max_size=50)
)
def test_any_form(server: Server, fields: list[tuple[str, str]], end: bytes) -> None:
    body = urlencode(fields, errors="surrogatepass").encode() + end
    check(*server.post(ROUTE, body, {**headers(body, content_type="application/x-www-form-urlencoded")}))


@pytest.mark.parametrize("depth", [900, 950, 980, 1000])
@pytest.mark.parametrize("event", ["push", "workflow_run"])
def test_deep_payload_is_refused_or_stored(server: Server, event: str, depth: int) -> None:
    """What can be read can be written, too."""
    deep = b'{"repository": {"full_name": "octo/hello"}, "a": ' + b"[" * depth + b"]" * depth + b"}"
    status, answer = server.post(ROUTE, deep, {**headers(deep, event)})
    check(status, answer)
    assert status == 400


def test_nothing_grows(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of refused requests of 64 KiB leave neither rows, nor bytes, nor threads behind."""
    monkeypatch.setattr(inbox_rules, "NEWEST", 20)
    monkeypatch.setattr(reception_rules, "PRUNE_EVERY", 5)
    monkeypatch.setattr(tally_rules, "MOST", 20)
    body = encode(push(repository={"full_name": "octo/unknown"}, filler="x" * 64 * 1024))
    forged = "sha256=" + "0" * 64

    def send(number: int) -> None:
        for others in (
            {},
            {"x_hub_signature_256": forged, "x_github_hook_installation_target_id": str(number)},
            {"x_hub_signature_256": None},
            {"x_github_event": "star"},
            {"x_github_event": "ping"},
            {"content_type": "text/plain", "x_hub_signature_256": sign(body, SECRET)},
        ):
            check(*server.post(ROUTE, body, {**headers(body, **others)}))

    for number in range(40):
        send(number)
    gc.collect()
    threads = threading.active_count()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(40, 120):
            send(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    server.reception.tally.write()
    assert grown < 2 * 1024 * 1024  # 480 bodies are 30 MiB
    assert threading.active_count() <= threads + 5
    assert server.app.state.admission.budget.held == 0
    rows = server.rows()
    assert rows["counts"] <= 20
    assert all(rows.get(status, 0) <= 25 for status in ("refused", "ignored", "pong")), rows
