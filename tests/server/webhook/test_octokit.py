"""GitHub's example payloads, delivered for real: the shapes of some always, all of them where npm answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from slipway.apiserver.routes import create_app
from slipway.flow.apps import Apps
from slipway.webhook.reception import Reception
from tests.served import client, served
from tests.server.conftest import Recorded, Rows
from tests.server.sender import ROUTE, Sender, encode, encode_form, headers
from tests.server.webhook.octokit import Example, UnavailableError, examples, shapes

APPS = Apps.from_json(
    {
        "version": 1,
        "webhooks": {"source_per_minute": 100_000, "repository_per_minute": 100_000},
        "applications": {
            "Codertocat/Hello-World": {
                "tenant": "demo",
                "environments": {
                    "production": {"refs": ["refs/heads/*", "refs/tags/*"], "namespace": "demo"}
                },
            }
        },
    }
)


@pytest.fixture(scope="module", params=["shapes", "published"])
def published(request: pytest.FixtureRequest) -> list[Example]:
    if request.param == "shapes":
        return shapes()
    try:
        return examples()
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def github(reception: Reception) -> Iterator[Sender]:
    reception.apps = lambda: APPS
    with served(create_app(reception)) as url, client(url) as other:
        yield Sender(other)


def expected(example: Example) -> tuple[int, str]:
    """Say by the specification, not by the code, how an example is answered."""
    if example.event == "ping":
        return 200, "pong"
    if example.event != "push" or example.payload["deleted"]:
        return 202, "ignored"
    return 202, "accepted"


def answer(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["status"]


def in_order(example: Example, seen: list[tuple[str, ...]]) -> str:
    """Say by the specification how a push is answered after those that were seen."""
    payload, at = example.payload, str(example.payload["repository"]["pushed_at"])
    push = (payload["ref"], at, payload["before"], payload["after"])
    if push in seen:
        return "already received"
    later = any(ref == push[0] and pushed_at > at for ref, pushed_at, *_ in seen)
    seen.append(push)
    return "superseded" if later else "accepted"


@pytest.mark.parametrize(
    ("made", "form"),
    [
        pytest.param("sqlite", True, id="form, SQLite"),
        pytest.param("postgresql", False, id="json, PostgreSQL", marks=pytest.mark.lab),
    ],
    indirect=["made"],
)
def test_every_example_is_answered_as_specified(
    github: Sender, published: list[Example], inbox: Rows, recorded: Recorded, form: bool
) -> None:
    wrong, seen = [], list[tuple[str, ...]]()
    for example in published:
        body = encode_form(example.payload) if form else encode(example.payload)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        made = headers(body, example.event, content_type=kind)
        first = answer(github.client.post(ROUTE, content=body, headers=made))
        again = answer(github.client.post(ROUTE, content=body, headers=made))
        wanted = expected(example)
        if wanted[1] == "accepted":  # the same push is an example of several products, and of several times
            wanted = (202, in_order(example, seen))
        repeated = (202, "already received") if expected(example)[1] == "accepted" else wanted
        if (first, again) != (wanted, repeated):
            wrong.append((example.product, example.event, example.number, first, again))
    assert wrong == []
    pushes = [example for example in published if expected(example)[1] == "accepted"]
    assert pushes
    assert len(recorded()) == len(seen)
    assert Counter(row["status"] for row in inbox())["accepted"] == len(pushes)


def test_the_examples_cover_all_events(published: list[Example]) -> None:
    all_of_them = published[0].product != "shapes"
    assert len({example.event for example in published}) >= (58 if all_of_them else 13)
    assert len(published) >= (600 if all_of_them else 19)


def test_every_example_is_accepted_where_its_event_is_kept(
    reception: Reception, published: list[Example], inbox: Rows
) -> None:
    """Payloads of every shape can be stored, and read back as they were."""
    names = {example.payload.get("repository", {}).get("full_name") for example in published} - {None}
    one = APPS.applications["Codertocat/Hello-World"]
    kept = APPS.model_copy(
        update={
            "events": tuple({example.event for example in published} - {"push", "ping"}),
            "applications": dict.fromkeys(names, one),
        }
    )
    reception.apps = lambda: kept
    wanted = [
        example
        for example in published
        if example.event not in ("push", "ping") and example.payload.get("repository", {}).get("full_name")
    ]
    with served(create_app(reception)) as url, client(url) as other:
        sender = Sender(other)
        told = Counter(answer(sender.deliver(example.payload, example.event)) for example in wanted)
    assert told == {(202, "accepted"): len(wanted)}
    stored = [row["payload"] for row in inbox()]
    assert all(payload in stored for payload in (wanted[0].payload, wanted[-1].payload))
