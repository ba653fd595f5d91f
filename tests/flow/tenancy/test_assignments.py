"""What follows from stored roles: as a real Keystone reckons it (tests/systems/keystone), and plainly."""

from __future__ import annotations

from hypothesis import given

from slipway.flow.tenancy.assignments import StoredAssignment, effective
from tests.examples import examples
from tests.flow.tenancy.keystones import Cloud, clouds

TREE = {"top": "domain", "middle": "top", "leaf": "middle", "beside": "domain", "elsewhere": "other"}


def places(one: StoredAssignment) -> set[str]:
    return {found.project_id for found in effective([one], {}, {}, TREE)}


def test_a_role_in_a_project_is_there_alone() -> None:
    assert places(StoredAssignment("u", "top", "r")) == {"top"}


def test_an_inherited_role_is_below_and_not_at_its_place() -> None:
    assert places(StoredAssignment("u", "top", "r", inherited=True)) == {"middle", "leaf"}
    assert places(StoredAssignment("u", "domain", "r", inherited=True)) == {"top", "middle", "leaf", "beside"}


def test_a_role_on_a_domain_says_nothing_about_its_projects() -> None:
    assert places(StoredAssignment("u", "domain", "r")) == set()


def test_circles_end() -> None:
    implied = {"a": ["b"], "b": ["c"], "c": ["a"]}
    found = effective([StoredAssignment("u", "x", "a", inherited=True)], {}, implied, {"x": "y", "y": "x"})
    assert {(one.project_id, one.role_id) for one in found} == {("y", "a"), ("y", "b"), ("y", "c")}


@examples(200)
@given(clouds())
def test_users_have_what_is_reckoned_plainly(cloud: Cloud) -> None:
    parents: dict[str, str | None] = {one.id: one.domain_id for one in cloud.projects.values()}
    found = effective(cloud.stored(), cloud.members, cloud.implied(), parents)
    known = cloud.directory()
    usable = {one for one in found if one.user_id in cloud.users and one.role_id != "r4"}
    assert usable == set(known.assignments)
