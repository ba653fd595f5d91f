"""TokenReview over HTTP, in both of its versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from slipway.flow.record import SlipwayError
from slipway.openstack.keystone.validation import TokenValidation
from slipway.tokenreview.app import MOST_BYTES, create_app
from slipway.tokenreview.authenticator import Authenticator
from tests.served import client, served
from tests.systems.keystone.stand_in import Keystone, document, token

ALICE = token("alice")


@pytest.fixture
def webhook() -> Iterator[httpx.Client]:
    with served(Keystone({ALICE: document("alice")}).app()) as url:
        made: list[Authenticator] = []

        async def authenticator() -> Authenticator:
            if not made:
                made.append(Authenticator(TokenValidation(f"{url}/v3").validate))
            return made[0]

        with served(create_app(authenticator)) as address, client(address) as asking:
            yield asking


def review(text: Any, version: str = "v1", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"authentication.k8s.io/{version}",
        "kind": "TokenReview",
        "metadata": {"creationTimestamp": None},
        "spec": {"token": text, **more},
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_good_token_is_somebody(webhook: httpx.Client, version: str) -> None:
    answer = webhook.post("/tokenreviews", json=review(ALICE, version, audiences=["https://kubernetes"]))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["apiVersion"], found["kind"]) == (f"authentication.k8s.io/{version}", "TokenReview")
    assert found["status"]["authenticated"] is True
    assert found["status"]["user"]["username"] == "alice@Default"
    assert "keystone:project:p1:role:r1" in found["status"]["user"]["groups"]
    assert "audiences" not in found["status"]
    assert ALICE not in answer.text


@pytest.mark.parametrize("text", [token("mallory"), "nonsense"])
def test_a_bad_token_is_nobody(webhook: httpx.Client, text: str) -> None:
    status = webhook.post("/tokenreviews", json=review(text)).json()["status"]
    assert status["authenticated"] is False
    assert "user" not in status
    assert "token" in status["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 30_000,
        json.dumps({"kind": "TokenReview"}).encode(),
        json.dumps(review(ALICE, "v2")).encode(),
        json.dumps(review("")).encode(),
        json.dumps(review(5)).encode(),
        json.dumps(review(ALICE) | {"spec": None}).encode(),
        json.dumps(review(ALICE) | {"kind": "Pod"}).encode(),
        b" " * (MOST_BYTES + 1),
    ],
)
def test_what_is_no_review_is_refused_without_being_repeated(webhook: httpx.Client, body: bytes) -> None:
    answer = webhook.post("/tokenreviews", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert ALICE not in answer.text


def test_a_webhook_without_keystone_says_so() -> None:
    async def authenticator() -> Authenticator:
        raise SlipwayError("there is no connection slipway_keystone. Make it")

    with served(create_app(authenticator)) as address, client(address) as asking:
        answer = asking.post("/tokenreviews", json=review(ALICE))
        assert answer.status_code == 503
        assert "slipway_keystone" in answer.text
        assert asking.get("/healthz").status_code == 200
