"""A failure as people know it: one application, one environment, one kind of failure, while it lasts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from slipway.flow.ended import KINDS, Account, Ended

LABEL = "slipway"
SPEC = "slipway.yaml"
TITLE_LENGTH = 200


@dataclass(frozen=True)
class Incident:
    """A failed run, and why it failed."""

    ended: Ended
    account: Account

    @property
    def kind(self) -> str:
        """What fails, why: failures of one kind are one incident."""
        if self.account.cause == "spec":
            return SPEC
        task = self.ended.failed[0].task_id if self.ended.failed else "run"
        return f"{self.ended.dag_id} {task} {self.account.cause}"

    @property
    def label(self) -> str:
        """The label by which its issue is found."""
        return _label(self.ended, self.kind)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of its issue."""
        scope = SPEC if self.account.cause == "spec" else self.ended.dag_id
        return tuple(dict.fromkeys((LABEL, _label(self.ended, scope), self.label)))

    @property
    def title(self) -> str:
        """One line."""
        first = (
            self.account.error.strip().splitlines()[0] if self.account.error.strip() else "no reason given"
        )
        what = (
            f"{self.ended.repository} ({self.ended.environment}): {KINDS[self.ended.dag_id]} failed: {first}"
        )
        return what if len(what) <= TITLE_LENGTH else what[: TITLE_LENGTH - 1] + "…"


def labels_over(ended: Ended) -> tuple[str, ...]:
    """Return the labels of issues that a good run ends: those of its DAG, and of ``slipway.yaml``."""
    return _label(ended, ended.dag_id), _label(ended, SPEC)


def _label(ended: Ended, what: str) -> str:
    text = "\n".join((ended.repository.casefold(), ended.environment, what))
    return f"{LABEL}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
