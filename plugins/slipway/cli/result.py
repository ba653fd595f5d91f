"""The result of ``slipway run``, as ``--json`` prints it. docs/cli.md has an example."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime

from slipway.flow.deployment import Deployment
from slipway.flow.image import Built
from slipway.flow.platforms import Platform
from slipway.flow.record import CommitId, Digest, Record


class StartedRun(Record):
    """A run that was started, or found."""

    dag_id: str
    run_id: str
    url: str
    state: str


class BuiltImage(Record):
    """An image that a pipeline handed on."""

    digest: Digest
    reference: str
    glance: UUID | None
    commit: CommitId
    """Whose build made the bytes."""
    reused: bool
    """They were there before."""

    @classmethod
    def of(cls, built: Built) -> BuiltImage | None:
        """Return it, or None when the application declares nothing for the platform."""
        if (image := built.image) is None:
            return None
        return cls(
            digest=image.digest,
            reference=image.reference,
            glance=image.glance,
            commit=image.commit,
            reused=built.reused,
        )


class Deployed(Record):
    """What a run of `deploy` put into place."""

    platform: Platform
    environment: str
    where: str
    url: str
    since: AwareDatetime
    digest: Digest

    @classmethod
    def of(cls, one: Deployment) -> Deployed:
        """Return what is said of a deployment."""
        return cls(
            platform=one.platform,
            environment=one.environment,
            where=one.where,
            url=one.url,
            since=one.since,
            digest=one.image.digest,
        )


class TaskFailure(Record):
    """A task that failed, and what it logged last."""

    dag_id: str
    task_id: str
    log: str


class RunResult(Record):
    """All of it."""

    pipeline: str
    idempotency_key: str
    runs: tuple[StartedRun, ...] = ()
    images: dict[Platform, BuiltImage | None] = {}
    deployments: tuple[Deployed, ...] = ()
    failed: tuple[TaskFailure, ...] = ()
