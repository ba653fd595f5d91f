"""The login from Airflow's connection, tried on the lab's Keystone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.openstack.errors import OpenstackError
from slipway.openstack.hook import TIMEOUT_SECONDS, OpenstackHook

VARIABLE = "AIRFLOW_CONN_SLIPWAY_OPENSTACK"


def connect(monkeypatch: pytest.MonkeyPatch, **fields: object) -> OpenstackHook:
    monkeypatch.setenv(VARIABLE, json.dumps({"conn_type": "slipway_openstack", **fields}))
    return OpenstackHook()


@pytest.fixture
def given(lab: Lab) -> dict[str, object]:
    """The fields of the lab's connection."""
    fields: dict[str, object] = json.loads(connections(lab.variables)[VARIABLE])
    return {name: value for name, value in fields.items() if name != "conn_type"}


@pytest.mark.lab
def test_the_labs_connection_logs_in(monkeypatch: pytest.MonkeyPatch, given: dict[str, object]) -> None:
    hook = connect(monkeypatch, **given)
    assert hook.test_connection() == (True, "logged in to Keystone, for project demo")
    with hook.get_conn() as cloud:
        assert [network.name for network in cloud.network.networks(name="demo")] == ["demo"]
        assert cloud.config.get_region_name() == "RegionOne"


@pytest.mark.lab
@pytest.mark.parametrize("field", ["login", "password"])
def test_a_wrong_login_is_said_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object], field: str
) -> None:
    works, said = connect(monkeypatch, **{**given, field: "wrong-as-it-is"}).test_connection()
    assert not works
    assert "401" in said or "404" in said
    assert "wrong-as-it-is" not in said or field == "login"
    assert str(given["password"]) not in said


def test_no_keystone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = connect(monkeypatch, host="http://127.0.0.1:1/v3", login="id", password="top-secret")
    works, said = hook.test_connection()
    assert not works
    assert "127.0.0.1" in said
    assert "top-secret" not in said


@pytest.mark.parametrize(
    ("field", "missing"),
    [
        ("host", "auth_url"),
        ("login", "application_credential_id"),
        ("password", "application_credential_secret"),
    ],
)
def test_a_field_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch, field: str, missing: str) -> None:
    fields = {"host": "http://127.0.0.1:1/v3", "login": "id", "password": "top-secret"}
    hook = connect(monkeypatch, **{name: value for name, value in fields.items() if name != field})
    with pytest.raises(
        OpenstackError, match=f"slipway_openstack has no {missing}: give it Keystone's"
    ) as raised:
        hook.get_conn()
    assert "top-secret" not in str(raised.value)


def test_requests_have_timeouts_and_servers_are_verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.touch()
    known = {"host": "https://keystone.example.org/v3", "login": "id", "password": "secret"}
    for extra, verified in (({}, True), ({"ca_certificate": str(authorities)}, str(authorities))):
        session = connect(monkeypatch, **known, extra=extra).get_conn().session
        assert session.timeout == TIMEOUT_SECONDS
        assert session.verify == verified


def test_the_settings_of_a_worker_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_URL", "http://elsewhere.example.org/v3")
    monkeypatch.setenv("OS_CLOUD", "elsewhere")
    cloud = connect(monkeypatch, host="http://127.0.0.1:1/v3", login="id", password="secret").get_conn()
    assert cloud.auth["auth_url"] == "http://127.0.0.1:1/v3"
