"""How far a push has come: which platforms are built, and whether its release is complete. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from slipway.flow.image import Built
from slipway.flow.platforms import PIPELINES, Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Record

PushState = Literal["looking", "building", "deploying", "over"]
"""``looking``: its commit is looked at; ``building``: pipelines build images of it; ``deploying``: it has a
run of ``deploy``; ``over``: nothing of it is under way."""
PushOutcome = Literal["", "deployed", "not deployed", "nothing", "failed", "superseded"]


class PlatformProgress(Record):
    """One platform of a push."""

    state: Literal["building", "done", "failed"]
    built: Built | None = None
    """What is handed on; None until the build has ended well."""
    reason: str = ""
    """Why it failed."""


PushProgress = Mapping[Platform, PlatformProgress]


class PushStep(Record):
    """What a push comes to next."""

    state: PushState
    outcome: PushOutcome = ""
    reason: str = ""


def next_step(push: PushEvent, progress: PushProgress, deploy: bool) -> PushStep:
    """Decide what a push whose commit was looked at comes to.

    :param progress: of every platform.
    :param deploy: whether it is to be deployed.
    """
    building = sorted(name for name, one in progress.items() if one.state == "building")
    if building:
        return PushStep(state="building")
    if failed := sorted(name for name, one in progress.items() if one.state == "failed"):
        reasons = "; ".join(f"{PIPELINES[name]}: {progress[name].reason or 'failed'}" for name in failed)
        return PushStep(state="over", outcome="failed", reason=reasons)
    builts = [one.built for one in progress.values() if one.built]
    if not any(built.image for built in builts):
        return PushStep(state="over", outcome="nothing", reason="slipway.yaml declares no image")
    if not deploy:
        return PushStep(state="over", outcome="not deployed", reason="built without a request to deploy")
    if push.rebuild and not any(built.is_new for built in builts):
        return PushStep(
            state="over",
            outcome="not deployed",
            reason=f"nothing changed since {push.short_commit} was built before",
        )
    return PushStep(state="deploying")
