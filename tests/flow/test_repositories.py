"""Which application a repository is, after it was renamed, given away, or registered again."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from slipway.flow.apps import Apps
from slipway.flow.repositories import Identified, identify
from slipway.flow.webhook_sources import INSTALLATION

ENVIRONMENTS = {"production": {"refs": ["refs/heads/main"], "namespace": "demo"}}


def apps(webhooks: dict[str, Any] | None = None, **applications: dict[str, Any]) -> Apps:
    found = {
        name.replace("__", "/"): {"tenant": "demo", "environments": ENVIRONMENTS, **more}
        for name, more in applications.items()
    }
    return Apps.from_json({"version": 1, "applications": found, "webhook_secrets": webhooks or {}})


APPS = apps(
    acme__store={"id": 41, "renamed_from": ["acme/shop", "Old/Shop"]}, acme__web={}, acme__pinned={"id": 7}
)


def of(name: str, number: int | None) -> Identified:
    return identify(APPS.applications, name, number, APPS.file)


def test_an_id_is_believed_and_not_the_name() -> None:
    assert of("acme/store", 41) == of("ACME/Store", 41) == Identified("acme/store")
    followed = of("beta/emporium", 41)
    assert (followed.name, followed.refusal) == ("acme/store", "")
    assert followed.warning == (
        "repository acme/store is called beta/emporium at the sender now, and is followed by its id 41. In "
        "apps.yaml, rename acme/store to beta/emporium and give it "
        "`renamed_from: [acme/shop, Old/Shop, acme/store]`"
    )


def test_a_renamed_repository_is_followed_onto_another_ones_name() -> None:
    assert of("acme/web", 41).name == "acme/store"


def test_a_name_that_was_registered_again_inherits_nothing() -> None:
    said = of("acme/pinned", 8).refusal
    assert "acme/pinned of this delivery has the id 8, and acme/pinned in apps.yaml has the id 7" in said
    assert "set `id: 8` there" in said


def test_without_an_id_a_pinned_repository_is_not_believed() -> None:
    assert "the delivery has no repository.id" in of("acme/pinned", None).refusal


@pytest.mark.parametrize("number", [None, 9])
def test_without_an_id_in_the_file_the_name_counts(number: int | None) -> None:
    assert of("acme/web", number) == Identified("acme/web")


@pytest.mark.parametrize("number", [None, 9])
@pytest.mark.parametrize("name", ["acme/shop", "OLD/shop"])
def test_a_former_name_builds_nothing(name: str, number: int | None) -> None:
    found = of(name, number)
    assert found.name == ""
    assert f"repository {name} is acme/store in apps.yaml now" in found.refusal


def test_others_are_unknown() -> None:
    assert of("evil/hello", 5) == of("", None) == Identified()


def test_what_was_written_down_under_a_former_name_is_the_applications() -> None:
    assert APPS.name_of("old/shop") == APPS.name_of("acme/STORE") == "acme/store"
    assert APPS.get("acme/shop") is APPS.applications["acme/store"]
    assert APPS.names_of("acme/Shop") == ("acme/shop", "Old/Shop", "acme/store")
    assert APPS.names_of("acme/web") == APPS.names_of("evil/hello") == ()


@pytest.mark.parametrize(
    ("applications", "rule"),
    [
        ({"a__b": {"id": 1}, "a__c": {"id": 1}}, "a/b and a/c have the same id 1"),
        (
            {"a__b": {"renamed_from": ["A/C"]}, "a__c": {}},
            "A/C is a former name of a/b and also the application a/c",
        ),
        ({"a__b": {"renamed_from": ["A/B"]}}, "A/B is a former name of a/b and also the application a/b"),
        (
            {"a__b": {"renamed_from": ["x/y"]}, "a__c": {"renamed_from": ["X/Y"]}},
            "X/Y is a former name of a/c and also a former name of a/b",
        ),
        ({"a__b": {"id": True}}, "valid integer"),
        ({"a__b": {"id": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_name_and_an_id_are_one_repositorys(applications: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        apps(**applications)


@pytest.mark.parametrize(
    ("webhooks", "rule"),
    [
        ({"a/other": {"variable": "slipway_x"}}, "a/other is not in `applications`"),
        ({"a/*": {"variable": "slipway_x"}, "A/*": {"variable": "slipway_x"}}, r"a/\* and A/\* are one"),
        ({"a/b": {}}, "must name a `connection` or a `variable`, one of them"),
        ({"a/b": {"variable": "slipway_x", "connection": "slipway_x"}}, "one of them"),
        ({"a/b": {"variable": "fernet_key"}}, "starts with slipway_"),
        ({"a/b": {"connection": "aws_default"}}, "starts with slipway_"),
        ({"a*": {"variable": "slipway_x"}}, "all of an owner"),
    ],
)
def test_whose_secret_is_where(webhooks: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        apps(webhooks, a__b={})


def test_the_installations_secret_is_for_what_has_no_other() -> None:
    found = apps({"A/b": {"variable": "slipway_b"}, "c/*": {"connection": "slipway_c"}}, a__b={}, a__d={})
    assert str(found.secret_source("a/B")) == "variable slipway_b"
    assert str(found.secret_source("C/anything")) == "connection slipway_c"
    assert found.secret_source("a/d") == INSTALLATION
