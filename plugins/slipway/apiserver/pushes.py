"""Pushes on record, for tasks: what became of them, and their reports. Runs in the API server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from slipway.apiserver.questions import (
    BuiltReport,
    HistoryAnswer,
    HistoryQuestion,
    KeptAnswer,
    KeptQuestion,
    LookedReport,
    PushQuestion,
    RecordedAnswer,
    ReleasedReport,
    SettledAnswer,
    SettleQuestion,
    SupersededReport,
)
from slipway.flow.record import Record
from slipway.flow.recorded import RecordedPush
from slipway.flow.ref_order import Reported
from slipway.pushes import releases, reporting, settling, store
from slipway.pushes.receiving import receive
from slipway.pushes.starting import NotReadyError
from slipway.webhook.transport import Answer, Sessions, look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushAnswers:
    """The answers. Each report is one transaction: what it starts is there when it is taken down."""

    session: Sessions

    def report(self, reported: Reported) -> Answer:
        """Record a push."""
        return self._in_transaction(lambda session: receive(session, reported))

    def find(self, question: PushQuestion) -> Answer:
        """Return a push by its id."""
        return self._in_transaction(lambda session: _answer(store.find(session, question.id)))

    def looked(self, report: LookedReport) -> Answer:
        """Take down what is to become of each platform."""
        return self._in_transaction(
            lambda session: _answer(reporting.looked(session, report.id, report.progress))
        )

    def built(self, report: BuiltReport) -> Answer:
        """Take down the end of a pipeline."""
        return self._in_transaction(
            lambda session: _answer(reporting.built(session, report.id, report.platform, report.progress))
        )

    def superseded(self, report: SupersededReport) -> Answer:
        """Take down that the ref points to a later commit."""
        return self._in_transaction(
            lambda session: _answer(reporting.ended(session, report.id, "superseded", report.reason))
        )

    def settle(self, _: SettleQuestion) -> Answer:
        """Resume pushes whose reports were lost, each in a transaction of its own."""
        done: dict[str, str] = {}
        try:
            with self.session() as session:
                lost = settling.lost(session)
            for key in lost:
                try:
                    with self.session() as session:
                        done[key] = settling.settle(session, key)
                except NotReadyError as error:
                    done[key] = str(error)
        except SQLAlchemyError:
            log.exception("pushes under way could not be settled")
            return Answer(503, {"reason": "the database does not answer; try again"})
        return Answer(200, SettledAnswer(done=done).to_json())

    def released(self, report: ReleasedReport) -> Answer:
        """Take down what runs."""
        return self._in_transaction(
            lambda session: HistoryAnswer(ran=(releases.take(session, report.names, report.deployments),))
        )

    def history(self, question: HistoryQuestion) -> Answer:
        """Return what ran in a place."""
        place = (question.names, question.environment, question.commit)
        return self._in_transaction(
            lambda session: HistoryAnswer(ran=tuple(releases.choice(session, *place)))
        )

    def kept(self, question: KeptQuestion) -> Answer:
        """Return which releases must stay."""
        return self._in_transaction(
            lambda session: KeptAnswer(
                places=tuple(place for of in question.rules for place in releases.kept(session, of))
            )
        )

    def _in_transaction(self, do: Callable[[Session], Record]) -> Answer:
        try:
            return look(self.session, lambda session: do(session).to_json())
        except NotReadyError as error:
            return Answer(503, {"reason": str(error)})


def _answer(found: RecordedPush | None) -> RecordedAnswer:
    return RecordedAnswer(push=found)
