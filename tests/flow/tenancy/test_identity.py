"""Who a token is to Kubernetes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.tenancy.identity import StrangeTokenError, identity, username


def token(**fields: Any) -> dict[str, Any]:
    usual = {
        "user": {"id": "u1", "name": "alice", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "p1", "name": "shop", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r2", "name": "reader"}, {"id": "r1", "name": "member"}],
        "is_domain": False,
        "expires_at": "2030-01-02T13:00:00.000000Z",
        "audit_ids": ["x1"],
    }
    return {"token": {name: value for name, value in {**usual, **fields}.items() if value is not None}}


def test_a_token_of_a_project_has_its_roles_there() -> None:
    who = identity(token())
    assert who.to_json() == {
        "username": "alice@Default",
        "uid": "u1",
        "groups": [
            "keystone:domain:default",
            "keystone:project:p1",
            "keystone:project:p1:role:r1",
            "keystone:project:p1:role:r2",
        ],
        "extra": {
            "slipway.io/audit-id": ["x1"],
            "slipway.io/project": ["shop"],
            "slipway.io/roles": ["member", "reader"],
        },
    }
    assert who.expires_at == datetime(2030, 1, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"project": None},
        {"project": None, "domain": {"id": "default", "name": "Default"}},
        {"project": None, "system": {"all": True}, "roles": [{"id": "r0", "name": "admin"}]},
        {"is_domain": True},
    ],
)
def test_a_token_without_a_project_has_no_role(fields: dict[str, Any]) -> None:
    assert identity(token(**fields)).groups == ("keystone:domain:default",)


def test_an_application_credential_is_named_for_audit() -> None:
    extra = identity(token(application_credential={"id": "c1", "name": "ci"})).extra
    assert extra["slipway.io/application-credential"] == ("c1",)


@given(*[st.text(min_size=1)] * 4)
def test_no_two_users_have_the_same_name(user: str, domain: str, other: str, elsewhere: str) -> None:
    same = username(user, domain) == username(other, elsewhere)
    assert same is ((user, domain) == (other, elsewhere))


@given(st.text(min_size=1), st.text(min_size=1))
def test_nobody_is_one_of_kubernetes_own_users(user: str, domain: str) -> None:
    assert ":" not in username(user, domain)
    assert username(user, domain).isascii()


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"token": None},
        {"token": {}},
        token(user={"id": "u1", "name": "alice"}),
        token(user={"id": 1, "name": "alice", "domain": {"id": "d"}}),
        token(user={"id": "", "name": "alice", "domain": {"id": "d"}}),
        token(expires_at="soon"),
        token(expires_at=None),
        token(roles=[{"name": "member"}]),
        token(roles=5),
        token(project={"name": "shop"}),
    ],
)
def test_an_answer_that_is_no_token_is_nobody(document: Any) -> None:
    with pytest.raises(StrangeTokenError, match="not a token document"):
        identity(document)
