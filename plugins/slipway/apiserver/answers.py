"""The answers to tasks and triggers. Blocks: it runs in a worker thread of the API server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from slipway.apiserver import approvals, builds, rights, runs, turns
from slipway.apiserver.questions import (
    ApprovalQuestion,
    PushesQuestion,
    RightsQuestion,
    RunsQuestion,
    TurnsAnswer,
    TurnsQuestion,
)
from slipway.flow.apps import Apps
from slipway.flow.single_flight import BuildClaim
from slipway.webhook.transport import Answer, Sessions, look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """The dependencies of the routes of questions."""

    session: Sessions
    apps: Callable[[], Apps]

    def runs(self, question: RunsQuestion) -> Answer:
        """Say which runs live."""
        return look(self.session, lambda session: runs.runs(session, question).to_json())

    def pushes(self, question: PushesQuestion) -> Answer:
        """Answer what became of pushes."""
        return look(self.session, lambda session: runs.pushes(session, question).to_json())

    def turns(self, question: TurnsQuestion) -> Answer:
        """Say whose turn it is: each place in a transaction of its own, so that none waits for another."""
        try:
            given = []
            for one in question.turns:
                with self.session() as session:
                    given.append(turns.give(session, one, self.apps))
        except SQLAlchemyError:
            log.exception("a turn could not be decided")
            return Answer(503, {"reason": "the database does not answer; try again"})
        return Answer(200, TurnsAnswer(turns=tuple(given)).to_json())

    def builds(self, asked: BuildClaim) -> Answer:
        """Say who builds an image."""
        return look(self.session, lambda session: builds.claim(session, asked).to_json())

    def approvals(self, question: ApprovalQuestion) -> Answer:
        """Say whether a run is the one that people are asked about."""
        return look(self.session, lambda session: approvals.claim(session, question).to_json())

    def may_start(self, question: RightsQuestion) -> Answer:
        """Say whether a user may start runs of a DAG."""
        return look(self.session, lambda session: rights.may_start(session, question).to_json())
