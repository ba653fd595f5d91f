"""A repository is opened by one secret: its own, its owner's, or the installation's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.apiserver.routes import create_app
from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import INSTALLATION, SecretSource
from slipway.webhook import signature
from slipway.webhook.candidates import MOST_HASHED, sources
from slipway.webhook.github import receive
from slipway.webhook.headers import MAX_BYTES
from slipway.webhook.reception import Reception
from slipway.webhook.secret import KnownSecrets, WebhookSecret
from slipway.webhook.secrets import ServerSecrets
from slipway.webhook.verdict import Accepted, Ignored, Pong, Refused, Verdict
from tests.served import client, served
from tests.server.conftest import Counted, Rows
from tests.server.sender import SECRET, Sender, encode, headers, push

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
ENVIRONMENTS = {"production": {"refs": ["refs/heads/main"], "namespace": "demo"}}
SHOP, ACME = SecretSource(variable="slipway_webhook_shop"), SecretSource(connection="slipway_webhook_acme")
FILE: dict[str, Any] = {
    "version": 1,
    "applications": {
        name: {"tenant": "demo", "environments": ENVIRONMENTS, **more}
        for name, more in {"acme/shop": {"id": 41}, "acme/web": {}, "beta/tool": {"id": 43}}.items()
    },
    "webhook_secrets": {"acme/shop": SHOP.to_json(), "ACME/*": ACME.to_json()},
}
APPS = Apps.from_json(FILE)
WORDS = {SHOP: "of-the-shop", ACME: "of-acme", INSTALLATION: SECRET}
KNOWN: KnownSecrets = {source: (WebhookSecret(word),) for source, word in WORDS.items()}


def pushed(repository: str, number: int | None = None) -> dict[str, Any]:
    return push(repository={"full_name": repository} | ({"id": number} if number else {}))


def decide(
    payload: object, secret: str, known: KnownSecrets = KNOWN, event: str = "push", **others: str
) -> Verdict:
    body = encode(payload)
    return receive(headers(body, event, secret, **others), body, APPS, known, NOW)


def refusal(verdict: Verdict) -> tuple[int, str]:
    assert isinstance(verdict, Refused)
    return verdict.status, verdict.reason


@pytest.mark.parametrize("signed_by", WORDS)
@pytest.mark.parametrize(
    ("repository", "number", "opened_by"),
    [
        ("acme/shop", 41, SHOP),
        ("Acme/Shop", 41, SHOP),
        ("acme/web", None, ACME),
        ("beta/tool", 43, INSTALLATION),
        ("acme/unknown", None, ACME),
        ("gamma/unknown", None, INSTALLATION),
    ],
)
def test_p10_a_secret_signs_for_its_repositories_alone(
    repository: str, number: int | None, opened_by: SecretSource, signed_by: SecretSource
) -> None:
    verdict = decide(pushed(repository, number), WORDS[signed_by])
    if signed_by != opened_by:
        status, reason = refusal(verdict)
        assert status == 403
        assert reason.startswith(
            f"the webhook secret that signed this is not the one of repository {repository.lower()}: a "
        )
    elif "unknown" in repository:
        assert "is not in apps.yaml" in refusal(verdict)[1]
    else:
        assert isinstance(verdict, Accepted)


def test_a_refusal_does_not_say_whether_the_repository_is_known() -> None:
    known, unknown = (refusal(decide(pushed(name), WORDS[SHOP]))[1] for name in ("acme/web", "acme/nope"))
    assert known.replace("acme/web", "acme/nope") == unknown


def test_the_name_of_another_repository_beside_the_own_id_opens_nothing_more() -> None:
    verdict = decide(pushed("acme/web", 41), WORDS[SHOP])
    assert isinstance(verdict, Accepted)
    assert verdict.delivery.repository == "acme/shop"
    assert refusal(decide(pushed("acme/web", 41), WORDS[ACME]))[0] == 403


@pytest.mark.parametrize("event", ["push", "star", "ping"])
def test_an_unsigned_stranger_is_answered_the_same_whatever_it_claims(event: str) -> None:
    answers = {refusal(decide(pushed(name), "a guess", event=event)) for name in ("acme/shop", "x/y")}
    [(status, reason)] = answers
    assert (status, reason.split(":")[0]) == (401, "signature wrong")


def test_an_event_of_another_repository_is_refused_and_not_ignored() -> None:
    assert refusal(decide(pushed("acme/shop"), SECRET, event="star"))[0] == 403
    assert isinstance(decide(pushed("beta/tool", 43), SECRET, event="star"), Ignored)


def dated(**days: int) -> KnownSecrets:
    """Secrets of the shop, by how many days from now they end."""
    ends = [WebhookSecret(word, NOW + timedelta(days=left)) for word, left in days.items()]
    return {SHOP: (*ends, WebhookSecret("endless")), INSTALLATION: KNOWN[INSTALLATION]}


def test_several_are_good_at_once_until_their_dates() -> None:
    known = dated(old=-1, ending=13, later=15)
    for word, warned in (("ending", True), ("later", False), ("endless", False)):
        verdict = decide(pushed("acme/shop", 41), word, known)
        assert isinstance(verdict, Accepted)
        assert bool(verdict.warnings) == warned
        if warned:
            assert verdict.warnings[0].startswith(
                "the webhook secret that signed this ends at 2030-06-14 12:00 UTC (variable "
            )
    status, reason = refusal(decide(pushed("acme/shop", 41), "old", known))
    assert status == 401
    assert reason == (
        "the webhook secret that signed this ended at 2030-05-31 12:00 UTC (variable slipway_webhook_shop). "
        "Add a new one there, and set it in the sender's webhook"
    )


def test_an_ended_secret_is_refused_before_its_body_is_parsed() -> None:
    body = b"[" * 1_000_000
    verdict = receive(headers(body, secret="old"), body, APPS, dated(old=-1), NOW)
    assert refusal(verdict)[0] == 401


def test_a_ping_shows_when_the_secret_ends() -> None:
    verdict = decide({"zen": "Mind your words, they are important."}, "ending", dated(ending=1), event="ping")
    assert isinstance(verdict, Pong)
    assert "ends at 2030-06-02" in verdict.warnings[0]


def test_a_word_that_two_sources_share_opens_the_repositories_of_both() -> None:
    shared: KnownSecrets = dict.fromkeys(KNOWN, (WebhookSecret("shared"),))
    for name, number in (("acme/shop", 41), ("acme/web", None), ("beta/tool", 43)):
        assert isinstance(decide(pushed(name, number), "shared", shared), Accepted)


def test_a_source_that_cannot_be_read_makes_no_genuine_delivery_a_strangers() -> None:
    known: KnownSecrets = KNOWN | {SHOP: None}
    assert isinstance(decide(pushed("beta/tool", 43), SECRET, known), Accepted)
    status, reason = refusal(decide(pushed("acme/shop", 41), WORDS[SHOP], known))
    assert status == 503
    assert "slipway_webhook" not in reason


def claim(kind: str, number: str) -> dict[str, str]:
    return {
        "x-github-hook-installation-target-type": kind,
        "x-github-hook-installation-target-id": number,
    }


@pytest.mark.parametrize(
    ("claimed", "tried"),
    [
        ({}, (SHOP, ACME, INSTALLATION)),
        (claim("repository", "41"), (SHOP,)),
        (claim("repository", "43"), (INSTALLATION,)),
        (claim("repository", "42"), (SHOP, ACME, INSTALLATION)),
        (claim("repository", "٤١"), (SHOP, ACME, INSTALLATION)),
        (claim("repository", "4" * 5000), (SHOP, ACME, INSTALLATION)),
        (claim("organization", "41"), (ACME, INSTALLATION)),
        (claim("integration", "41"), (SHOP, ACME, INSTALLATION)),
    ],
)
def test_headers_leave_secrets_out_and_add_none(
    claimed: dict[str, str], tried: tuple[SecretSource, ...]
) -> None:
    assert sources(claimed, APPS) == tried


def test_while_apps_yaml_cannot_be_read_only_the_installations_secret_is_known() -> None:
    assert sources({}, SlipwayError("apps.yaml:3")) == (INSTALLATION,)


def test_what_is_hashed_for_a_stranger_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    sign = signature.sign
    monkeypatch.setattr(signature, "sign", lambda body, key: hashed.append(len(body)) or sign(body, key))
    many: KnownSecrets = {SHOP: tuple(WebhookSecret(f"s{number}") for number in range(300))}
    for size, refused in ((1_000, 401), (400_000, 401), (500_000, 413), (MAX_BYTES, 413)):
        hashed.clear()
        body = bytes(size)
        made = headers(body, x_hub_signature_256="sha256=" + "0" * 64)
        assert refusal(receive(made, body, APPS, many, NOW))[0] == refused
        assert sum(hashed) <= MOST_HASHED
    few: KnownSecrets = {SHOP: tuple(WebhookSecret(word) for word in ("a", "b", "c", "d", "e"))}
    body = bytes(MAX_BYTES)
    assert refusal(receive(headers(body, secret="e"), body, APPS, few, NOW))[0] == 400  # genuine, no JSON


@pytest.fixture
def receiver(reception: Reception, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    """The receiver with these applications, and secrets as Airflow has them."""
    soon = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")
    dated = [{"secret": WORDS[SHOP], "until": soon}, {"secret": "old", "until": "2020-01-01"}, "other"]
    monkeypatch.setenv("AIRFLOW_VAR_SLIPWAY_WEBHOOK_SHOP", json.dumps(dated))
    acme, extra = {"conn_type": "generic", "password": WORDS[ACME]}, {"webhook_secrets": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_WEBHOOK_ACME", json.dumps(acme))
    github = {"conn_type": "slipway_github", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", json.dumps(github))
    reception.apps, reception.secrets = lambda: APPS, ServerSecrets()
    with served(create_app(reception)) as url, client(url) as http:
        yield Sender(http)


def test_over_http_each_repository_has_its_own_door(receiver: Sender, inbox: Rows, counted: Counted) -> None:
    shop = receiver.deliver(pushed("acme/shop", 41), secret=WORDS[SHOP])
    assert (shop.status_code, shop.json()["status"]) == (202, "accepted")
    assert "ends at" in shop.json()["warnings"][0]
    web = receiver.deliver(pushed("acme/web"), secret=WORDS[ACME])
    assert (web.status_code, "warnings" in web.json()) == (202, False)
    answers = [
        receiver.deliver(pushed("acme/shop", 41), secret=secret).status_code
        for secret in (WORDS[ACME], SECRET, "old", "a guess", "other")
    ]
    assert answers == [403, 403, 401, 401, 202]
    found = [(row["status"], row["http_status"], row["repository"]) for row in inbox()]
    assert found == [
        ("accepted", 202, "acme/shop"),
        ("accepted", 202, "acme/web"),
        ("refused", 403, "acme/shop"),
        ("refused", 403, "acme/shop"),
        ("accepted", 202, "acme/shop"),
    ]
    assert [(row["http_status"], row["number"]) for row in counted(2)] == [(401, 2)]


def test_hundreds_of_teams_cost_little(reception: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"acme/app{number}": {"connection": f"slipway_webhook_{number}"} for number in range(300)}
    applications = {name: {"tenant": "demo", "environments": ENVIRONMENTS} for name in names}
    apps = Apps.from_json({"version": 1, "applications": applications, "webhook_secrets": names})
    for number in range(300):
        made = json.dumps({"conn_type": "generic", "password": f"word-{number}"})
        monkeypatch.setenv(f"AIRFLOW_CONN_SLIPWAY_WEBHOOK_{number}", made)
    reception.apps, reception.secrets = lambda: apps, ServerSecrets()
    with served(create_app(reception)) as url, client(url) as http:
        sender = Sender(http)
        first = sender.deliver(pushed("acme/app299"), secret="word-299")

        again = sender.deliver(pushed("acme/app0"), secret="word-0")
        assert (first.status_code, again.status_code) == (202, 202)

        assert sender.deliver(pushed("acme/app0"), secret="word-1").status_code == 403
