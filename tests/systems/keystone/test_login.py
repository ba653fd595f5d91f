"""A person's login at a Keystone that is away or broken for a while, and at one that refuses."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.keystone.login import log_in
from tests.broken_server import serving

OPTIONS = Namespace(cloud=None, auth_url=None, project="shop", project_domain=None, user_domain=None)


@pytest.fixture(autouse=True)
def _nobody_elses_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "HOME": str(tmp_path),
        "OS_USERNAME": "alice",
        "OS_PASSWORD": "hers",
        "OS_CLIENT_CONFIG_FILE": f"{tmp_path}/clouds.yaml",
    }.items():
        monkeypatch.setenv(name, value)


@contextmanager
def answering(status: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(lambda *_: (status, {"Content-Type": "application/json"}, b"{}")) as keystone:
        monkeypatch.setenv("OS_AUTH_URL", f"http://{keystone.host}/v3")
        yield


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_worth_another_try(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status, monkeypatch), pytest.raises(TransientOpenstackError, match="Keystone"):
        log_in(OPTIONS, ask_password=False)


def test_keystone_away_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_URL", "http://127.0.0.1:1/v3")
    with pytest.raises(TransientOpenstackError, match="Keystone does not answer"):
        log_in(OPTIONS, ask_password=False)


def test_a_refusal_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(403, monkeypatch), pytest.raises(OpenstackError):
        log_in(OPTIONS, ask_password=False)
