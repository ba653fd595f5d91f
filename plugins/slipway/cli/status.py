"""What became of one push, decided from what Airflow's REST API says. Pure.

A platform's ``state`` is one of :data:`PlatformState`; ``running`` names the object that runs the image only
while this push is what runs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from slipway.flow.deployment import Deployment
from slipway.flow.image import Built
from slipway.flow.note import SUPERSEDED, WAITS, reason_of, waits_for
from slipway.flow.platforms import PIPELINES, Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.states import LIVING

Json = Mapping[str, Any]
PlatformState = Literal[
    "waiting", "building", "built", "deploying", "running", "replaced", "not deployed", "nothing", "failed"
]

BUILD_DAGS = PIPELINES
DEPLOY_DAG = "deploy"

SETTLED: frozenset[PlatformState] = frozenset({"running", "replaced", "not deployed", "nothing", "failed"})
"""States that do not change by waiting."""


class PlatformStatus(Record):
    """One platform of one push."""

    state: PlatformState
    digest: str | None = None
    image: str | None = None
    """Where the image is: in the registry by digest, or the path of a file in Artifactory."""
    glance: UUID | None = None
    """The same bytes in Glance, for what OpenStack runs."""
    running: str | None = None
    """The object that runs it, as its platform names it."""
    environment: str | None = None
    url: str | None = None
    since: AwareDatetime | None = None
    """When ``state`` began."""
    detail: str = ""
    """What a person wants to know beside the state: the failed task and its error, what replaced it."""
    log: str | None = None
    """Where a person reads the log of the task that failed."""


class PushStatus(Record):
    """One push, by platform."""

    repository: str
    commit: str
    ref: str
    platforms: dict[Platform, PlatformStatus]

    @property
    def settled(self) -> bool:
        """Say whether waiting changes nothing any more: an image whose fellow failed is not deployed."""
        settled = SETTLED | {"built"} if self.failed else SETTLED
        return all(status.state in settled for status in self.platforms.values())

    @property
    def failed(self) -> bool:
        """Say whether a platform failed."""
        return any(status.state == "failed" for status in self.platforms.values())


@dataclass(frozen=True)
class PlatformFacts:
    """What is known of one platform of one push; runs as the REST API gives them."""

    look: Json | None = None
    """The run of ``push``."""
    build: Json | None = None
    built: Built | None = None
    deploy: Json | None = None
    deployment: Deployment | None = None
    newest: Deployment | None = None
    """The last deployment of the same application and platform to the same environment."""
    failed_tasks: tuple[str, ...] = ()
    """``dag/task``, of both runs, in the order of their ends."""
    log: str | None = None
    """Address of the log of the first of them."""
    is_asked: bool = False
    """Whether the deployment waits for somebody to approve it."""
    paused: str = ""
    """The DAG whose pause is what the push waits for."""
    is_through: bool = False
    """Whether the push ended well, and nothing of it is deployed."""


def push_status(push: PushEvent, facts: Mapping[Platform, PlatformFacts]) -> PushStatus:
    """Put the platforms of one push together."""
    return PushStatus(
        repository=push.repository,
        commit=push.commit,
        ref=push.ref,
        platforms={platform: platform_status(known) for platform, known in facts.items()},
    )


def platform_status(facts: PlatformFacts) -> PlatformStatus:
    """Decide one platform's status: the last stage that was reached says it."""
    if facts.deployment is not None:
        return _deployed(facts.deployment, facts.newest or facts.deployment)
    if facts.built is not None and facts.built.image is None:
        detail = "slipway.yaml declares nothing for this platform"
        return PlatformStatus(state="nothing", since=_ended(facts.build or facts.look), detail=detail)
    if facts.deploy is not None:
        return _deploying(facts, facts.deploy)
    if facts.built is not None:
        return _built(facts, facts.built)
    return _building(facts)


def _building(facts: PlatformFacts) -> PlatformStatus:
    run = facts.build
    if run is None:
        return _looking(facts)
    if run["state"] in LIVING:
        since = _moment(run, "start_date") or _moment(run, "queued_at")
        return PlatformStatus(state="building", since=since, detail=_pause(facts))
    if run["state"] == "failed":
        detail = _failure("build", run, facts)
        return PlatformStatus(state="failed", since=_ended(run), detail=detail, log=facts.log)
    return PlatformStatus(state="not deployed", since=_ended(run), detail="the build ended without an image")


def _looking(facts: PlatformFacts) -> PlatformStatus:
    run = facts.look
    if run is None:
        return PlatformStatus(state="waiting", detail="no run of the push yet")
    if run["state"] == "failed":
        detail = _failure("push", run, facts)
        return PlatformStatus(state="failed", since=_ended(run), detail=detail, log=facts.log)
    if run["state"] == "queued":
        detail = _pause(facts) or "the look at its commit is queued"
        return PlatformStatus(state="waiting", since=_moment(run, "queued_at"), detail=detail)
    if run["state"] in LIVING:
        detail = "its commit is being looked at"
        return PlatformStatus(state="waiting", since=_moment(run, "start_date"), detail=detail)
    if (note := run.get("note") or "").startswith(SUPERSEDED):
        return PlatformStatus(state="not deployed", since=_ended(run), detail=note.splitlines()[0])
    return PlatformStatus(state="waiting", since=_ended(run), detail="no run of the build yet")


def _pause(facts: PlatformFacts) -> str:
    return f"waits: DAG {facts.paused} is paused" if facts.paused else ""


def _built(facts: PlatformFacts, built: Built) -> PlatformStatus:
    since = _ended(facts.build or facts.look)
    if not built.deploy:
        return _of_image(built, "not deployed", since, "this build was not asked to deploy")
    if facts.is_through:
        unchanged = built.push.rebuild and built.reused
        detail = "nothing changed since it was built before" if unchanged else "nothing was to be deployed"
        return _of_image(built, "not deployed", since, detail)
    return _of_image(built, "built", since, "the deployment has not started")


def _deploying(facts: PlatformFacts, run: Json) -> PlatformStatus:
    if run["state"] == "queued":
        detail = _pause(facts) or "the deployment is queued"
        return _of_image(facts.built, "deploying", _moment(run, "queued_at"), detail)
    if run["state"] in LIVING:
        waits = waits_for(run.get("note"))
        detail = f"{WAITS}{waits}" if waits else ""
        if facts.is_asked:
            detail = "waits for approval, among Airflow's required actions"
        return _of_image(facts.built, "deploying", _moment(run, "start_date"), detail)
    if run["state"] == "failed":
        failed = _of_image(facts.built, "failed", _ended(run), _failure("deployment", run, facts))
        return failed.model_copy(update={"log": facts.log})
    detail = "the deployment ended without a rollout; its log says why"
    return _of_image(facts.built, "not deployed", _ended(run), detail)


def _of_image(
    built: Built | None, state: PlatformState, since: datetime | None, detail: str = ""
) -> PlatformStatus:
    image = built.image if built else None
    return PlatformStatus(
        state=state,
        digest=image.digest if image else None,
        image=image.reference if image else None,
        glance=image.glance if image else None,
        since=since,
        detail=detail,
    )


def _deployed(deployment: Deployment, newest: Deployment) -> PlatformStatus:
    current = newest.push.partition_key == deployment.push.partition_key
    return PlatformStatus(
        state="running" if current else "replaced",
        digest=deployment.image.digest,
        image=deployment.image.reference,
        glance=deployment.image.glance,
        running=deployment.where if current else None,
        environment=deployment.environment,
        url=(deployment.url or None) if current else None,
        since=deployment.since if current else newest.since,
        detail="" if current else f"by {newest.push.short_commit}",
    )


def _failure(stage: str, run: Json, facts: PlatformFacts) -> str:
    where = f" in {', '.join(facts.failed_tasks)}" if facts.failed_tasks else ""
    reason = reason_of(run.get("note"))
    return f"{stage} failed{where}" + (f": {reason}" if reason else "")


def _ended(run: Json | None) -> datetime | None:
    return _moment(run, "end_date") if run else None


def _moment(run: Json, key: str) -> datetime | None:
    text = run.get(key)
    return datetime.fromisoformat(text) if text else None
