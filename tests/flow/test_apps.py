"""The allow-list: who may build, and where it goes."""

from __future__ import annotations

import pytest

from slipway.flow.apps import Apps, Retention
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
        ("refs/heads/feature/deep", "rest"),
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
