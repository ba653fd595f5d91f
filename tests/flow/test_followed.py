"""When a push that somebody asked for is through, and what is said when it is not."""

from __future__ import annotations

import pytest

from slipway.flow.followed import Followed, is_through, missing, states, trouble
from slipway.flow.push import PushEvent

PUSH = PushEvent(repository="acme/shop", ref="refs/heads/main", commit="a" * 40)
BUILDS = ("container_image", "vm_image", "bare_metal_image")
BUILT = dict.fromkeys(BUILDS, "success")


def followed(*, deploy: bool = True, before: tuple[str, ...] = ()) -> Followed:
    return Followed(push=PUSH, deploy=deploy, before=before)


@pytest.mark.parametrize(
    ("found", "deploy", "through"),
    [
        ({}, True, False),
        ({"container_image": "success"}, True, False),
        (BUILT | {"vm_image": "running"}, True, False),
        # The deployment comes after the builds, when there is to be one.
        (BUILT, True, False),
        (BUILT, False, True),
        (BUILT | {"deploy": "queued"}, True, False),
        (BUILT | {"deploy": "success"}, True, True),
        (BUILT | {"deploy": "failed"}, True, True),
        # After a failed build there is none; the other builds are waited for.
        (BUILT | {"vm_image": "failed"}, True, True),
        ({"vm_image": "failed", "container_image": "running"}, True, False),
        ({"vm_image": "failed", "container_image": "success"}, True, False),
    ],
)
def test_a_push_is_through(found: dict[str, str], deploy: bool, through: bool) -> None:
    assert is_through(followed(deploy=deploy), found) is through


def test_runs_that_were_over_before_are_not_the_pushs_own() -> None:
    runs = [
        {"dag_id": "vm_image", "run_id": "old", "state": "failed"},
        {"dag_id": "vm_image", "run_id": "new", "state": "running"},
        {"dag_id": "deploy", "run_id": "old-too", "state": "failed"},
    ]
    assert states(followed(before=("old", "old-too")), runs) == {"vm_image": "running"}
    assert states(followed(), runs) == {"vm_image": "running", "deploy": "failed"}


def test_what_failed_is_named_and_nothing_else() -> None:
    assert trouble(followed(), BUILT | {"deploy": "success"}) == ""
    told = trouble(followed(), BUILT | {"vm_image": "failed", "container_image": "failed"})
    assert told.startswith("container_image, vm_image failed: ")


def test_what_never_began_is_named_with_the_cure() -> None:
    assert missing(followed(), {"vm_image": "success"}) == ["container_image", "bare_metal_image", "deploy"]
    told = trouble(followed(), BUILT)
    assert told.startswith("deploy did not start: a DAG that is paused")
