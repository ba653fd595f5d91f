"""The allow-list: who may build, and where it goes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from slipway.flow.apps import Apps
from slipway.flow.environments import Approval, Retention
from slipway.flow.record import SlipwayError

APPS = Apps.from_json(
    {
        "version": 1,
        "applications": {
            "Octo/Hello": {
                "tenant": "demo",
                "environments": {
                    "production": {"refs": ["refs/tags/v*"], "namespace": "demo"},
                    "staging": {"refs": ["refs/heads/main", "refs/heads/re[l]/*"], "namespace": "demo-s"},
                    "rest": {"refs": ["refs/heads/*", "refs/tags/v2*"], "namespace": "demo-r"},
                },
            }
        },
    }
)


def test_repository_is_found_without_case() -> None:
    assert APPS.get("octo/hello").tenant == "demo"


@pytest.mark.parametrize("repository", ["octo/hell", "octo/hello2", "", "octo/*"])
def test_other_repositories_may_not_build(repository: str) -> None:
    assert APPS.find(repository) is None
    with pytest.raises(SlipwayError, match=r"not in apps.yaml \(which has: Octo/Hello\). Add it there"):
        APPS.get(repository)


@pytest.mark.parametrize(
    ("ref", "environment"),
    [
        ("refs/tags/v1", "production"),
        ("refs/tags/v2.0", "production"),
        ("refs/heads/main", "staging"),
        ("refs/heads/rel/1", "staging"),
        ("refs/heads/feature", "rest"),
        ("refs/heads/feature/deep", None),
        ("refs/heads/MAIN", "rest"),
        ("refs/tags/1", None),
        ("refs/pull/1/head", None),
        ("main", None),
    ],
)
def test_first_environment_that_takes_the_ref(ref: str, environment: str | None) -> None:
    found = APPS.get("octo/hello").environment_for(ref)
    assert (found[0] if found else None) == environment


def test_an_environment_says_of_retention_what_is_otherwise_than_its_applications() -> None:
    environments = {
        "production": {"refs": ["refs/tags/v*"], "namespace": "demo", "retention": {"good": 9}},
        "staging": {"refs": ["refs/heads/main"], "namespace": "demo-s"},
    }
    shop = {"tenant": "demo", "environments": environments, "retention": {"days": 90}}
    application = Apps.from_json({"version": 1, "applications": {"octo/shop": shop}}).get("octo/shop")
    assert application.retention_of("production") == Retention(good=9, days=90)
    assert application.retention_of("staging") == Retention(good=5, days=90)
    assert application.retention_of("one-that-is-gone") == Retention(good=5, days=90)


def apps(*environments: dict[str, Any]) -> Apps:
    named = {f"e{number}": {"refs": [], **one} for number, one in enumerate(environments)}
    return Apps.from_json({"version": 1, "applications": {"a/b": {"tenant": "t", "environments": named}}})


def test_nobody_is_asked_unless_the_environment_says_so() -> None:
    found = apps(
        {"namespace": "a"},
        {"namespace": "b", "deploy": "after_approval"},
        {"namespace": "c", "deploy": "after_approval", "approval": {"by": ["alice"], "within": 1}},
    ).get("a/b")
    asked = {name: one.approvers for name, one in found.environments.items()}
    assert asked == {"e0": None, "e1": Approval(), "e2": Approval(by=("alice",), within=1)}


def test_every_cloud_and_cluster_is_known_and_namespaces_belong_to_their_cluster() -> None:
    found = apps(
        {"namespace": "a", "openstack": "slipway_openstack_two"},
        {"namespace": "a", "kubernetes": "slipway_kubernetes_two", "tenant": "other"},
        {"namespace": "b"},
    )
    assert found.clouds == ["slipway_openstack", "slipway_openstack_two"]
    assert found.namespaces == {"slipway_kubernetes": ["a", "b"], "slipway_kubernetes_two": ["a"]}
    with pytest.raises(ValidationError, match="namespace a is of tenant t and of tenant other"):
        apps({"namespace": "a"}, {"namespace": "a", "tenant": "other"})
