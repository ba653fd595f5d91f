"""How a run of a pipeline or a deployment ended, and what the task that failed said of it."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import AwareDatetime

from slipway.flow.platforms import PLATFORMS
from slipway.flow.push import PARTITION_KEY_LENGTH
from slipway.flow.record import Record

KINDS = {one.pipeline: one.image for one in PLATFORMS.values()} | {"deploy": "deployment", "push": "push"}
"""The DAGs whose ends are reported, and what each makes."""

Cause = Literal["spec", "rule", "outage", "timeout", "defect", "lost"]
"""What kind of thing went wrong: ``slipway.yaml`` itself, another rule, a system that did not answer, a time
limit, a defect of Slipway, or a process that ended without reporting an error."""


class FailedTask(Record):
    """A task that failed in its last try."""

    task_id: str
    attempt: int


class Account(Record):
    """The last report of a failed task."""

    cause: Cause
    error: str
    """With its cure; without secrets."""
    lines: tuple[str, ...] = ()
    """Its last log lines; without secrets."""


LOST = Account(
    cause="lost",
    error="The task ended without reporting an error. Its worker may have been killed, or have run out of "
    "memory: see its log.",
)


class Ended(Record):
    """A run that has ended, and for whom it was."""

    dag_id: str
    run_id: str
    good: bool
    repository: str
    ref: str
    commit: str = ""
    """Empty when a person asked for the newest, and the run did not get so far as to find it."""
    environment: str
    pushed_at: AwareDatetime
    by_push: bool = True
    """All pipelines run for a push; a person starts one of them."""
    failed: tuple[FailedTask, ...] = ()
    """In the order of their ends: the first is the reason, the others what followed."""
    over: Ended | None = None
    """The failure that a good run ends."""

    @property
    def key(self) -> str:
        """The partition key under which outcomes are reported one after the other."""
        text = f"{self.repository}@{self.environment}+{self.dag_id}"
        return text if len(text) <= PARTITION_KEY_LENGTH else hashlib.sha256(text.encode()).hexdigest()


def news(now: Ended, before: Ended | None) -> Ended | None:
    """Return what is to be reported of a run, or None.

    :param before: what was reported last under the same key. A good run is news when it ends a failure, and
        its push is not older: a slow build says nothing about a newer commit.
    """
    if before is not None and before.run_id == now.run_id and before.good == now.good:
        return None
    if not now.good:
        return now
    if before is None or before.good or now.pushed_at < before.pushed_at:
        return None
    return now.model_copy(update={"over": before.model_copy(update={"over": None})})
