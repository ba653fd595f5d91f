"""Pushes of one application, round by round, and what its image pipeline made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.application import Checkout
from benchmarks.result import Result
from benchmarks.runs import copied_and_booted, ended, seconds_of, states_of
from slipway.cli.api import Airflow

ROUNDS = 3
"""That count; the one before them fetches what both sides keep."""


@dataclass(frozen=True)
class ImageRounds:
    """One pipeline, and the application that is pushed for it."""

    checkout: Checkout
    reader: Airflow
    repository: str
    dag: str

    def push(self) -> tuple[dict[str, Any], str]:
        """Push one commit; returns its run, ended, and the commit."""
        commit = self.checkout.commit("a round")
        started = datetime.now(UTC)
        self.checkout.push()
        return ended(self.reader, self.dag, f"{self.repository}@{commit}", started), commit

    def against(
        self, claim: str, peer: str, write: Callable[[int], None], bare: Callable[[str], float]
    ) -> Result:
        """Build in turn with another tool.

        :param write: makes the files of a round.
        :param bare: builds a commit with the other tool; returns its seconds.
        """
        ours, theirs, amiss = [], [], []
        for number in range(ROUNDS + 1):
            write(number)
            found, commit = self.push()
            ours.append(seconds_of(found) - copied_and_booted(self.reader, found))
            if states_of(self.reader, found)["build"] != "success":
                amiss.append(f"the push of {commit[:12]} did not build")
            theirs.append(bare(commit))
        return Result(
            name=self.dag,
            claim=claim,
            peer=peer,
            slipway_seconds=ours[1:],
            peer_seconds=theirs[1:],
            measure="overhead",
            limit=10.0,
            notes=amiss,
        )

    def unchanged(self, name: str, write: Callable[[int], None]) -> Result:
        """Push commits whose inputs are unchanged.

        :param write: makes the files of a round.
        """
        seconds, amiss = [], []
        for number in range(ROUNDS + 1):
            write(number)
            found, commit = self.push()
            seconds.append(seconds_of(found))
            if number and states_of(self.reader, found)["build"] != "skipped":
                amiss.append(f"the push of {commit[:12]} built though its inputs are unchanged")
        return Result(
            name=name,
            claim=f"a commit with unchanged inputs through {self.dag}, without a build",
            peer="none",
            slipway_seconds=seconds[1:],
            measure="seconds",
            limit=8.0,
            notes=amiss,
        )
