"""Namespaces' names: what Kubernetes takes, what is Kubernetes' own, and who gets a name that two want."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.record import Name, Record
from slipway.flow.tenancy.directory import Directory, Domain, Project
from slipway.flow.tenancy.names import Allotment, Owned, allot, own
from slipway.flow.tenancy.policy import Policy

DOMAINS = {"default": Domain("default", "Default"), "d2": Domain("d2", "Partners")}


def policy(**namespaces: object) -> Policy:
    return Policy.from_json({"version": 1, "roles": {"member": {}}, "namespaces": namespaces})


def allotted(
    *projects: tuple[str, str] | tuple[str, str, str],
    existing: Mapping[str, str | None] | None = None,
    **namespaces: object,
) -> Allotment:
    """Allot to projects of (id, name[, domain id])."""
    found = [Project(one[0], one[1], one[2] if len(one) > 2 else "default") for one in projects]
    directory = Directory(DOMAINS, {one.id: one for one in found}, {}, {}, ())
    there = {name: Owned(name, project) for name, project in (existing or {}).items()}
    return allot(directory, found, there, policy(**namespaces))


def test_a_name_that_fits_is_taken_as_it_is() -> None:
    assert allotted(("p1", "shop-2")).of_project == {"p1": ["shop-2"]}


@pytest.mark.parametrize(
    "name", ["Shop", "shop_1", "shop--1", "-shop", "shop.eu", "1shop", "s" * 41, "Übung", "🚢"]
)
def test_a_name_that_does_not_fit_gets_a_suffix_of_the_project(name: str) -> None:
    [made] = allotted(("p1", name)).of_project["p1"]
    assert made == own("{project}", Project("p1", name, "default"), "Default")
    assert made != allotted(("p2", name)).of_project["p2"][0]


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_every_name_can_be_written_in_apps_yaml(project: str, domain: str) -> None:
    class Entry(Record):
        namespace: Name

    made = own("{domain}-{project}", Project("p1", project, "d"), domain)
    assert Entry(namespace=made).namespace == made


def test_a_name_that_two_projects_want_is_given_to_neither() -> None:
    found = allotted(("p1", "shop"), ("p2", "shop", "d2")).of_project
    assert found["p1"] != found["p2"]
    assert ["shop"] not in found.values()


def test_who_came_first_keeps_the_name() -> None:
    found = allotted(("p1", "shop"), ("p2", "shop", "d2"), existing={"shop": "p2"}).of_project
    assert found["p2"] == ["shop"]
    assert found["p1"] == [own("{project}", Project("p1", "shop", "default"), "Default")]


def test_a_renamed_project_keeps_its_namespace() -> None:
    assert allotted(("p1", "new-name"), existing={"old-name": "p1"}).of_project == {"p1": ["old-name"]}


def test_a_project_may_have_several_namespaces() -> None:
    found = allotted(("p1", "shop"), existing={"shop": "p1", "shop-staging": "p1"})
    assert found.of_project == {"p1": ["shop", "shop-staging"]}


def test_a_namespace_that_was_there_before_stays_its_owners() -> None:
    [made] = allotted(("p1", "monitoring"), existing={"monitoring": None}).of_project["p1"]
    assert made.startswith("monitoring-")


@pytest.mark.parametrize("name", ["default", "kube-system", "kube", "kube-x", "KUBE-System", "kube_system"])
def test_kubernetes_own_names_are_refused_with_the_cure(name: str) -> None:
    found = allotted(("p1", name))
    assert found.of_project == {}
    assert f"project {name}@Default gets no namespace" in found.notes[0]
    assert "Rename the project, or change namespaces.format" in found.notes[0]


def test_a_reserved_name_cannot_be_put_together() -> None:
    assert allotted(("p1", "kube"), format="{project}-system").of_project == {}
    assert allotted(("p1", "ops"), reserved=["op*"]).of_project == {}
    assert allotted(("p1", "x"), existing={"kube-system": "p1"}).of_project == {"p1": ["x"]}


def test_a_prefix_of_a_reserved_name_is_a_name() -> None:
    assert allotted(("p1", "defaul")).of_project == {"p1": ["defaul"]}


def test_a_name_made_to_look_like_anothers_takes_nothing() -> None:
    target = Project("p1", "Shop", "default")
    found = allotted(("p1", "Shop"), ("p2", own("{project}", target, "Default"), "d2"))
    names = [name for names in found.of_project.values() for name in names]
    assert len(names) == len(set(names))


def test_a_namespace_is_adopted_for_the_one_project_that_the_policy_names() -> None:
    adopt = {"demo": {"domain": "Default", "project": "demo"}}
    found = allotted(("p1", "demo"), ("p2", "demo", "d2"), existing={"demo": None}, adopt=adopt).of_project
    assert found["p1"] == ["demo"]
    assert found["p2"] == [own("{project}", Project("p2", "demo", "d2"), "Partners")]


def test_an_adopted_namespace_stays_with_its_first_project() -> None:
    adopt = {"demo": {"domain": "Default", "project": "demo"}}
    found = allotted(("p9", "demo"), existing={"demo": "p1"}, adopt=adopt)
    assert found.of_project["p9"] != ["demo"]
    assert "it belongs to project p1. Remove its label" in found.notes[0]
