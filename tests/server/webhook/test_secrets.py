"""Where the secrets come from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.webhook import secrets
from slipway.webhook.secrets import choose, server_secrets, trigger_secrets


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
    assert choose(extra, environment) == chosen


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(secrets, "_known", (0.0, []))
    monkeypatch.setenv("SLIPWAY_WEBHOOK_SECRET", "env")
    return monkeypatch


def connection(*words: str) -> str:
    return json.dumps({"conn_type": "slipway_github", "extra": {"webhook_secrets": " ".join(words)}})


def test_server_asks_the_secrets_backends_and_keeps_what_it_read(unread: pytest.MonkeyPatch) -> None:
    unread.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection("new", "old"))
    assert server_secrets() == ["new", "old"]
    unread.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection("newer"))
    assert server_secrets() == ["new", "old"]
    unread.setattr(secrets, "KEPT_SECONDS", -1.0)
    assert server_secrets() == ["newer"]


async def test_trigger_reads_the_same_connection(unread: pytest.MonkeyPatch) -> None:
    unread.setenv("AIRFLOW_CONN_SLIPWAY_GITHUB", connection("one"))
    assert await trigger_secrets() == ["one"]
