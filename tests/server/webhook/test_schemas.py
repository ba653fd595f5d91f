"""Questions made from the routes' own schemas, signed as a task signs them, to the real application.

In production the application publishes no schema. https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core import NotSet
from schemathesis.generation import GenerationMode
from schemathesis.openapi import from_dict

from slipway.apiserver import routes
from slipway.apiserver.routes import create_app
from slipway.flow.record import Record
from slipway.webhook.reception import Reception
from slipway.webhook.search import Search
from slipway.webhook.signature import sign_search
from tests.examples import examples
from tests.served import client, served
from tests.server.airflow_database import AirflowDatabase
from tests.server.conftest import session_of
from tests.server.sender import APPS, KEY, KNOWN, ROUTE

pytestmark = pytest.mark.slow

QUESTIONS: dict[str, type[Record]] = {"/deliveries/search": Search, **routes.QUESTIONS}
OTHERS = {ROUTE, "/health", "/metrics", "/freezes", "/freezes/let"}
"""Routes that are no question of a task."""
CREATED = create_app(Reception(session=None, apps=lambda: APPS, secrets=lambda _: {}, keys=list))  # type: ignore[arg-type]


def document() -> dict[str, Any]:
    """Return the application's OpenAPI, with the questions that its routes read themselves."""
    made = CREATED.openapi()
    for path, model in QUESTIONS.items():
        made["paths"][path]["post"]["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _inline(model.model_json_schema())}},
        }
    return made


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    known = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if (name := str(node.get("$ref", "")).rpartition("/")[2]) in known:
            return resolved(known[name])
        return {key: resolved(value) for key, value in node.items()}

    found: dict[str, Any] = resolved(schema)
    return found


def _written(body: Any) -> bytes:
    if isinstance(body, NotSet):
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


SCHEMA = from_dict(document())


@pytest.fixture(scope="module")
def asked(made: AirflowDatabase) -> Iterator[httpx.Client]:
    engine = made.engine()
    reception = Reception(
        session=lambda: session_of(engine), apps=lambda: APPS, secrets=lambda _: KNOWN, keys=lambda: [KEY]
    )
    with served(create_app(reception)) as url, client(url) as http:
        yield http
    engine.dispose()


def test_every_route_is_in_the_schema() -> None:
    assert set(document()["paths"]) == {*QUESTIONS, *OTHERS}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", QUESTIONS)
@settings(parent=examples(60), suppress_health_check=list(HealthCheck))
@given(st.data())
def test_question_of_a_task(
    asked: httpx.Client, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(SCHEMA[path]["POST"].as_strategy(generation_mode=mode))
    body = _written(case.body)
    signature = sign_search(body, KEY, int(time.time()))
    answer = asked.post(path, content=body, headers={"x-slipway-signature": signature})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["reason"].startswith("the question has errors in: ")


@settings(parent=examples(60), suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=200), st.text(st.characters(max_codepoint=255)))
def test_bytes_of_a_stranger(asked: httpx.Client, path: str, body: bytes, signature: str) -> None:
    given = signature.encode("latin-1").translate(None, bytes(range(32)) + b"\x7f").strip()
    answer = asked.post(path, content=body, headers=[(b"x-slipway-signature", given)])
    assert answer.status_code == 401, answer.text


@settings(parent=examples(60), suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=200))
def test_signed_bytes(asked: httpx.Client, path: str, body: bytes) -> None:
    signature = sign_search(body, KEY, int(time.time()))
    answer = asked.post(path, content=body, headers={"x-slipway-signature": signature})
    assert answer.status_code == 400, answer.text
