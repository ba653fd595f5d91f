"""Receives one delivery: bytes in, a stored row and an answer out. Blocks: it runs in a worker thread."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.webhook import events, inbox
from slipway.webhook.github import receive
from slipway.webhook.search import Search, reply
from slipway.webhook.tally import Tally
from slipway.webhook.transport import DATABASE_AWAY, Answer, Sessions, look
from slipway.webhook.verdict import Accepted, Ignored, Pong, Refused, Verdict

log = logging.getLogger(__name__)

PRUNE_EVERY = 100


@dataclass
class Reception:
    """The routes' dependencies.

    ``session`` opens a session that commits when its block ends well, ``apps`` reads the allow-list
    (raising SlipwayError), ``secrets`` returns what may sign.
    """

    session: Sessions
    apps: Callable[[], Apps]
    secrets: Callable[[], list[str]]

    def __post_init__(self) -> None:
        """Count what is stored, to forget the old now and then."""
        self._stored = itertools.count()
        self.tally = Tally(self.session)

    def handle(
        self,
        headers: Mapping[str, str],
        body: bytes,
        sender: str,
        limit: Callable[[Verdict], Verdict] = lambda verdict: verdict,
    ) -> Answer:
        """Decide about a delivery, store it, and return the answer.

        :param limit: called when the signature was checked; may replace the verdict by a refusal.
        """
        now = datetime.now(UTC)
        verdict = limit(receive(headers, body, self._apps(), self.secrets(), now))
        answer = self.settle(verdict, now, sender, len(body))
        if not _is_counted(verdict) and next(self._stored) % PRUNE_EVERY == 0:
            self._prune(now)
        return answer

    def settle(self, verdict: Verdict, now: datetime, sender: str, size: int) -> Answer:
        """Store what was decided, and return the answer: never a 2xx for what is not stored."""
        if isinstance(verdict, Refused) and verdict.counted:
            self.tally.count(verdict, sender, now)
            return _answer(verdict)
        try:
            if isinstance(verdict, Accepted):
                return self._take(verdict, now, sender, size)
            with self.session() as session:
                inbox.note(session, verdict, now, sender)
        except events.NotReadyError as error:
            refused = Refused(503, f"not stored: {error}", verdict.delivery)
            return self.settle(refused, now, sender, size)
        except SQLAlchemyError:
            log.exception("webhook delivery %s is not stored", verdict.delivery.id)
            if not isinstance(verdict, Refused):
                return Answer(503, {"status": "refused", "reason": DATABASE_AWAY})
        return _answer(verdict)

    def search(self, search: Search) -> Answer:
        """Look for a stored delivery."""
        now = datetime.now(UTC)
        return look(self.session, lambda session: reply(inbox.find(session, search), now))

    def _take(self, accepted: Accepted, now: datetime, sender: str, size: int) -> Answer:
        after_commit: list[Callable[[], None]] = []
        with self.session() as session:
            if not inbox.take(session, accepted, now, sender, size):
                reason = f"delivery {accepted.delivery.id} was already stored; nothing is done twice"
                return Answer(202, {"status": "already received", "reason": reason})
            before = inbox.earlier(session, accepted)
            if accepted.push is not None:
                after_commit = events.register(session, accepted.push)
        for tell in after_commit:
            tell()
        return _taken(accepted, before)

    def _apps(self) -> Apps | SlipwayError:
        try:
            return self.apps()
        except SlipwayError as error:
            return error

    def _prune(self, now: datetime) -> None:
        try:
            with self.session() as session:
                inbox.prune(session, now)
        except SQLAlchemyError:
            log.exception("the inbox was not pruned; the next delivery tries again")


def _taken(accepted: Accepted, before: str | None) -> Answer:
    if accepted.push is None:
        reason = "stored for a WebhookSensor to find"
        return Answer(202, {"status": "accepted", "accepted": accepted.delivery.event, "reason": reason})
    key = accepted.push.partition_key
    told = f"; delivery {before} already reported this commit; it is checked again" if before else ""
    return Answer(
        202, {"status": "accepted", "accepted": key, "reason": f"stored; its pipelines start{told}"}
    )


def _is_counted(verdict: Verdict) -> bool:
    return isinstance(verdict, Refused) and verdict.counted


def _answer(verdict: Pong | Ignored | Refused) -> Answer:
    match verdict:
        case Pong():
            return Answer(200, {"status": "pong"})
        case Ignored():
            return Answer(202, {"status": "ignored", "reason": f"ignored: {verdict.reason}"})
        case Refused():
            body = {"status": "refused", "reason": verdict.reason}
            return Answer(verdict.status, body, verdict.retry_after)
