"""Keystone read whole: the lab's real one, and stand-ins that answer as none should."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from fastapi import FastAPI, Request
from keystoneauth1 import noauth
from keystoneauth1.session import Session
from openstack.connection import Connection

from lab.access import Lab
from slipway.flow.tenancy.directory import Assignment
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.keystone.hook import KeystoneHook
from slipway.openstack.keystone.reader import read_directory
from tests.served import served


@pytest.fixture
def admin(lab: Lab) -> Iterator[Connection]:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one("admin", api_timeout=60)) as connection:
        yield connection


@pytest.fixture
def made(admin: Connection) -> Iterator[list[tuple[str, Any]]]:
    """What is deleted when the test ends."""
    found: list[tuple[str, Any]] = []
    yield found
    for kind, one in reversed(found):
        if kind == "domain":
            admin.identity.update_domain(one, is_enabled=False)
        getattr(admin.identity, f"delete_{kind}")(one, ignore_missing=True)


@pytest.fixture
def hook(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> KeystoneHook:
    from lab.airflow.connections import connections

    for name, value in connections(lab.variables).items():
        monkeypatch.setenv(name, value)
    return KeystoneHook()


@pytest.mark.lab
def test_groups_inheritance_and_implied_roles_are_reckoned(
    admin: Connection, hook: KeystoneHook, made: list[tuple[str, Any]]
) -> None:
    identity = admin.identity

    def make(kind: str, **fields: Any) -> Any:
        one = getattr(identity, f"create_{kind}")(**fields)
        made.append((kind, one))
        return one

    mark = f"tt-{secrets.token_hex(4)}"
    domain = make("domain", name=mark)
    project = make("project", name=mark, domain_id=domain.id)
    user = make("user", name=mark, domain_id=domain.id, is_enabled=False)
    group = make("group", name=mark, domain_id=domain.id)
    member, reader = (identity.find_role(name, ignore_missing=False) for name in ("member", "reader"))
    identity.add_user_to_group(user, group)
    path = f"/OS-INHERIT/domains/{domain.id}/groups/{group.id}/roles/{member.id}/inherited_to_projects"
    identity.put(path).raise_for_status()
    with hook.get_conn() as cloud:
        found = read_directory(cloud.session, cloud.auth["auth_url"])
    assert found.domains[domain.id].name == mark
    assert found.projects[project.id] == (project.id, mark, domain.id, True)
    assert found.users[user.id] == (user.id, mark, domain.id, False)
    assert {role for who, where, role in found.assignments if (who, where) == (user.id, project.id)} == {
        member.id,
        reader.id,
    }


@pytest.mark.lab
def test_the_button_of_the_form_reads(hook: KeystoneHook) -> None:
    works, said = hook.test_connection()
    assert works, said
    assert "projects" in said


@pytest.mark.lab
def test_the_tenants_own_login_may_not_read_it(lab: Lab) -> None:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with (
        Connection(config=config.get_one("slipway")) as cloud,
        pytest.raises(OpenstackError, match=r"Give its user the role reader on the system"),
    ):
        read_directory(cloud.session, lab["SLIPWAY_OPENSTACK_URL"])


LISTS: dict[str, list[dict[str, Any]]] = {
    "role_assignments": [
        {"user": {"id": "u1"}, "scope": {"project": {"id": "p1"}}, "role": {"id": "r1"}},
        {"user": {"id": "u1"}, "scope": {"system": {"all": True}}, "role": {"id": "r1"}},
        {"user": {"id": "u1"}, "scope": {"domain": {"id": "d1"}}, "role": {"id": "r1"}},
        {"group": {"id": "gone"}, "scope": {"project": {"id": "p1"}}, "role": {"id": "r1"}},
    ],
    "role_inferences": [],
    "roles": [{"id": "r1", "name": "member", "domain_id": None}],
    "projects": [
        {"id": "p1", "name": "one", "domain_id": "d1", "enabled": True, "is_domain": False},
        {"id": "d1", "name": "d1", "domain_id": None, "enabled": True, "is_domain": True},
    ],
    "domains": [{"id": name, "name": name, "enabled": True} for name in ("d1", "d2")],
    "users": [{"id": "u1", "name": "u", "domain_id": "d1", "enabled": True}],
}


def keystone(asked: list[str], **answers: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/v3/{what}")
    async def lists(what: str, request: Request) -> Any:
        asked.append(f"{what}?{request.url.query}")
        if what in answers:
            answer = answers[what]
            return answer(request) if callable(answer) else answer
        found = LISTS[what]
        if what == "users":
            found = [one for one in found if one["domain_id"] == request.query_params["domain_id"]]
        return {what: found, "links": {"next": None}}

    return app


def session() -> Session:
    return Session(auth=noauth.NoAuth(), timeout=5)


def test_only_roles_in_projects_count_and_calls_do_not_grow_with_users() -> None:
    asked: list[str] = []
    with served(keystone(asked)) as url:
        found = read_directory(session(), f"{url}/v3/")
    assert found.assignments == {Assignment("u1", "p1", "r1")}
    assert list(found.projects) == ["p1"]
    assert len(asked) == 5 + len(LISTS["domains"])
    assert asked[0].startswith("role_assignments")


def test_pages_are_followed_at_the_address_that_was_given() -> None:
    def pages(request: Request) -> dict[str, Any]:
        if request.query_params.get("marker"):
            return {"roles": [{"id": "r2", "name": "reader"}], "links": {"next": None}}
        following = "http://elsewhere.example.org/v3/roles?marker=r1"
        return {"roles": LISTS["roles"], "links": {"next": following}}

    with served(keystone([], roles=pages)) as url:
        assert list(read_directory(session(), f"{url}/v3").roles) == ["r1", "r2"]


def test_a_page_that_follows_itself_ends() -> None:
    again = {"roles": [], "links": {"next": "?marker=x"}}
    with served(keystone([], roles=again)) as url, pytest.raises(OpenstackError, match="links to itself"):
        read_directory(session(), f"{url}/v3")


def test_a_list_that_was_cut_off_is_not_taken_for_all() -> None:
    with (
        served(keystone([], users={"users": [], "truncated": True})) as url,
        pytest.raises(OpenstackError, match="cuts off its list of users: raise or remove list_limit"),
    ):
        read_directory(session(), f"{url}/v3")


@pytest.mark.parametrize("answer", [{}, {"roles": None}, []])
def test_an_answer_of_another_kind_is_refused(answer: Any) -> None:
    with (
        served(keystone([], roles=answer)) as url,
        pytest.raises(OpenstackError, match="did not answer with a list of roles"),
    ):
        read_directory(session(), f"{url}/v3")


def test_keystone_away_is_worth_another_try() -> None:
    with pytest.raises(TransientOpenstackError, match="does not answer"):
        read_directory(session(), "http://127.0.0.1:1/v3")
