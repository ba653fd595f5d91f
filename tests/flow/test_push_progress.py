"""What a push comes to next, and what is said of one that did not come through."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.flow.image import Built
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress, PushOutcome, PushStep, next_step
from slipway.flow.recorded import RecordedPush, trouble
from tests.flow.builders import NOON, image, push

PUSH = push()
NIGHT = PUSH.model_copy(update={"rebuild": "2030-01-02"})
BUILDING = PlatformProgress(state="building")
FAILED = PlatformProgress(state="failed", reason="plan: no such file")


def done(of: PushEvent = PUSH, **other: Any) -> PlatformProgress:
    built = Built(**{"push": of, "platform": "container", "image": image()} | other)
    return PlatformProgress(state="done", built=built)


NOTHING = done(image=None)


def step(deploy: bool = True, of: PushEvent = PUSH, **known: PlatformProgress) -> PushStep:
    """Return the next step; platforms that are not named have nothing."""
    progress: dict[Platform, PlatformProgress] = {name: known.get(name, NOTHING) for name in PLATFORMS}
    return next_step(of, progress, deploy)


@pytest.mark.parametrize(
    ("known", "deploy", "state", "outcome"),
    [
        ({"container": BUILDING}, True, "building", ""),
        ({"container": done(), "vm": BUILDING}, True, "building", ""),
        ({"container": done()}, True, "deploying", ""),
        ({"container": done(reused=True)}, True, "deploying", ""),
        # The deployment comes after the builds, when there is to be one.
        ({"container": done()}, False, "over", "not deployed"),
        ({}, True, "over", "nothing"),
        # After a failed build there is none; the other builds are waited for.
        ({"container": FAILED}, True, "over", "failed"),
        ({"container": FAILED, "vm": BUILDING}, True, "building", ""),
        ({"container": FAILED, "vm": done()}, True, "over", "failed"),
        ({"container": FAILED}, False, "over", "failed"),
    ],
)
def test_a_push_is_built_then_deployed_or_over(
    known: dict[str, PlatformProgress], deploy: bool, state: str, outcome: str
) -> None:
    found = step(deploy, **known)
    assert (found.state, found.outcome) == (state, outcome)


def test_a_rebuild_is_deployed_only_when_an_image_is_new() -> None:
    unchanged = step(of=NIGHT, container=done(NIGHT, reused=True), vm=done(NIGHT, reused=True))
    assert (unchanged.state, unchanged.outcome) == ("over", "not deployed")
    assert unchanged.reason == "nothing changed since aaaaaaaaaaaa was built before"
    assert step(of=NIGHT, container=done(NIGHT, reused=True), vm=done(NIGHT)).state == "deploying"


def test_every_build_that_failed_is_named_with_its_reason() -> None:
    nameless = PlatformProgress(state="failed")
    found = step(vm=FAILED, container=nameless)
    assert found.reason == "container_image: failed; vm_image: plan: no such file"


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        ("deployed", "deploy: shop at aaaaaaaaaaaa in production: container", ""),
        ("not deployed", "built without a request to deploy", ""),
        ("nothing", "slipway.yaml declares no image", ""),
        ("failed", "vm_image: no room", "vm_image: no room. The runs with id push~shop have the logs"),
        ("failed", "", "it failed. The runs with id push~shop have the logs"),
        ("superseded", "main points to b by now", "it was superseded: main points to b by now"),
    ],
)
def test_only_a_push_that_did_not_come_through_is_trouble(
    outcome: PushOutcome, reason: str, said: str
) -> None:
    one = RecordedPush(
        id="push~shop",
        push=PUSH,
        source="person",
        state="over",
        outcome=outcome,
        reason=reason,
        received_at=NOON,
    )
    assert trouble(one) == said
