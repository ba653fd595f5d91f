"""Where the secrets come from, and how they are written down."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import INSTALLATION, SecretSource
from slipway.webhook import secrets
from slipway.webhook.secret import WebhookSecret, read_secrets
from slipway.webhook.secrets import ServerSecrets, choose

ACME = SecretSource(connection="slipway_webhook_acme")
SHOP = SecretSource(variable="slipway_webhook_shop")


def words(*known: str) -> tuple[WebhookSecret, ...]:
    return tuple(map(WebhookSecret, known))


@pytest.mark.parametrize(
    ("extra", "environment", "chosen"),
    [
        ({}, {}, []),
        ({}, {"SLIPWAY_WEBHOOK_SECRET": ""}, []),
        ({}, {"SLIPWAY_WEBHOOK_SECRET": "env"}, ["env"]),
        ({"webhook_secrets": "one"}, {"SLIPWAY_WEBHOOK_SECRET": "env"}, ["one"]),
        ({"webhook_secrets": " new  old\n"}, {}, ["new", "old"]),
        ({"webhook_secrets": ["new", "old", ""]}, {}, ["new", "old"]),
        ({"webhook_secrets": None}, {"SLIPWAY_WEBHOOK_SECRET": "new old"}, ["new", "old"]),
    ],
)
def test_connection_goes_before_the_environment(
    extra: dict[str, Any], environment: dict[str, str], chosen: list[str]
) -> None:
    assert choose(extra, environment) == words(*chosen)


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2030-12-31", datetime(2031, 1, 1, tzinfo=UTC)),
        ("2030-12-31T12:00", datetime(2030, 12, 31, 12, tzinfo=UTC)),
        ("2030-12-31T12:00+02:00", datetime(2030, 12, 31, 10, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_date_is_the_last_day(until: str | None, end: datetime | None) -> None:
    value = ["plain", {"secret": "dated", "until": until}]
    expected = (WebhookSecret("plain"), WebhookSecret("dated", end))
    assert read_secrets(value) == read_secrets(json.dumps(value)) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([7], "entry 1: must be secrets"),
        (["a", {"secret": "s3cret", "untill": "2030-01-01"}], "entry 2: must be secrets"),
        ([{"until": "2030-01-01"}], "entry 1: must be secrets"),
        ([{"secret": "s3cret", "until": "soon"}], "entry 1: `until` must be a date, like 2030-12-31"),
        ([{"secret": "s3cret", "until": 20301231}], "entry 1: `until` must be a date"),
        ([{"secret": "s3cret", "until": "9999-12-31"}], "entry 1: `until` must be a date"),
        ('["s3cret"', "is not JSON"),
        ({"secret": "s3cret"}, "must be secrets"),
    ],
)
def test_what_breaks_a_rule_is_named_without_the_secret(value: Any, rule: str) -> None:
    with pytest.raises(SlipwayError) as raised:
        read_secrets(value)
    assert rule in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(WebhookSecret("s3cret"))


def connection(kind: str = "generic", password: str = "", **extra: Any) -> str:
    return json.dumps({"conn_type": kind, "password": password, "extra": extra})


def test_server_asks_the_secrets_backends_and_keeps_what_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ServerSecrets()
    monkeypatch.setenv("SLIPWAY_WEBHOOK_SECRET", "env")
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection(webhook_secrets="new old"))
    assert server([INSTALLATION]) == {INSTALLATION: words("new", "old")}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection(webhook_secrets="newer"))
    assert server([INSTALLATION]) == {INSTALLATION: words("new", "old")}
    monkeypatch.setattr(secrets, "KEPT_SECONDS", -1.0)
    assert server([INSTALLATION]) == {INSTALLATION: words("newer")}


def test_who_comes_while_another_reads_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_WEBHOOK_ACME", connection(password="old"))
    server = ServerSecrets()
    assert server([ACME])[ACME] == words("old")
    monkeypatch.setattr(secrets, "KEPT_SECONDS", -1.0)
    begun, released, read = threading.Event(), threading.Event(), secrets._read

    def slow(source: SecretSource) -> Any:
        begun.set()
        assert released.wait(30)
        return read(source)

    monkeypatch.setattr(secrets, "_read", slow)
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_WEBHOOK_ACME", connection(password="new"))
    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(server, [ACME])
        assert begun.wait(30)
        assert server([ACME])[ACME] == words("old")
        monkeypatch.setattr(secrets, "OLD_SECONDS", -1.0)
        waiting = pool.submit(server, [ACME])
        released.set()
        assert reading.result(30)[ACME] == waiting.result(30)[ACME] == words("new")


def test_each_source_is_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_WEBHOOK_ACME", connection(password="a b"))
    monkeypatch.setenv("AIRFLOW_VAR_SLIPWAY_WEBHOOK_SHOP", '["c", {"secret": "d", "until": "2030-12-31"}]')
    known = ServerSecrets()([ACME, SHOP])
    assert known[ACME] == words("a", "b")
    assert known[SHOP] == (WebhookSecret("c"), WebhookSecret("d", datetime(2031, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (connection("slipway_github", password="token-of-git"), "holds no webhook secret"),
        (connection(webhook_secrets=[{"s3cret": 1}]), "entry 1: must be secrets"),
        (None, "which `webhook_secrets` of apps.yaml names, does not exist"),
    ],
    ids=["password of Git", "malformed", "absent"],
)
def test_a_source_that_cannot_be_read_is_reported_and_opens_nothing(
    made: str | None, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if made:
        monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_WEBHOOK_ACME", made)
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection(webhook_secrets="one"))
    with caplog.at_level(logging.ERROR):
        known = ServerSecrets()([ACME, INSTALLATION])
    assert known == {ACME: None, INSTALLATION: words("one")}
    assert told in caplog.text
    assert "token-of-git" not in caplog.text
    assert "s3cret" not in caplog.text
