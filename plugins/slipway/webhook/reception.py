"""Receives one delivery: bytes in, a stored row and an answer out. Blocks: it runs in a worker thread."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.recorded import Received
from slipway.flow.webhook_sources import SecretSource
from slipway.pushes.health import health
from slipway.pushes.receiving import receive
from slipway.pushes.starting import NotReadyError
from slipway.webhook import github, inbox
from slipway.webhook.candidates import sources
from slipway.webhook.search import Search, reply
from slipway.webhook.secret import KnownSecrets
from slipway.webhook.tally import Tally
from slipway.webhook.transport import DATABASE_AWAY, Answer, Sessions, look
from slipway.webhook.verdict import Accepted, Ignored, Pong, Refused, Verdict

log = logging.getLogger(__name__)

PRUNE_EVERY = 100
HEALTH_SECONDS = 2.0


@dataclass
class Reception:
    """The routes' dependencies.

    ``session`` opens a session that commits when its block ends well, ``apps`` reads the allow-list
    (raising SlipwayError), ``secrets`` reads what may sign a delivery, ``keys`` what may sign a question
    of Slipway's tasks.
    """

    session: Sessions
    apps: Callable[[], Apps]
    secrets: Callable[[Iterable[SecretSource]], KnownSecrets]
    keys: Callable[[], list[str]]

    def __post_init__(self) -> None:
        """Count what is stored, to forget the old now and then."""
        self._stored = itertools.count()
        self._looking, self._looked_at = threading.Lock(), 0.0
        self._health: Answer | None = None
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
        apps = self._apps()
        verdict = limit(github.receive(headers, body, apps, self.secrets(sources(headers, apps)), now))
        answer = _warned(self.settle(verdict, now, sender, len(body)), verdict)
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
        except NotReadyError as error:
            refused = Refused(503, f"not stored: {error}", verdict.delivery)
            return self.settle(refused, now, sender, size)
        except SQLAlchemyError:
            log.exception("webhook delivery %s is not stored", verdict.delivery.id)
            if not isinstance(verdict, Refused):
                return Answer(503, {"status": "refused", "reason": DATABASE_AWAY})
        return _answer(verdict)

    def health(self) -> Answer:
        """Say whether pushes get on; asked of the database every few seconds at most."""
        with self._looking:
            if self._health is None or time.monotonic() - self._looked_at > HEALTH_SECONDS:
                self._health = look(self.session, health)
                self._looked_at = time.monotonic()
            return self._health

    def search(self, search: Search) -> Answer:
        """Look for a stored delivery."""
        now = datetime.now(UTC)
        return look(self.session, lambda session: reply(inbox.find(session, search), now))

    def _take(self, accepted: Accepted, now: datetime, sender: str, size: int) -> Answer:
        with self.session() as session:
            if not inbox.take(session, accepted, now, sender, size):
                reason = f"delivery {accepted.delivery.id} was already stored; nothing is done twice"
                return Answer(202, {"status": "already received", "reason": reason})
            received = receive(session, accepted.reported) if accepted.reported else None
        return _taken(accepted, received)

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


def _warned(answer: Answer, verdict: Verdict) -> Answer:
    """Add to an answer what will be refused later; the log says it, too."""
    if not isinstance(verdict, Accepted | Pong) or not verdict.warnings:
        return answer
    for warning in verdict.warnings:
        log.warning("delivery %s: %s", verdict.delivery.id, warning)
    return Answer(answer.status, answer.body | {"warnings": list(verdict.warnings)})


def _taken(accepted: Accepted, received: Received | None) -> Answer:
    if received is None:
        reason = "stored for a WebhookSensor to find"
        return Answer(202, {"status": "accepted", "accepted": accepted.delivery.event, "reason": reason})
    status = {"new": "accepted", "known": "already received", "superseded": "superseded"}
    key = received.push.push.partition_key
    body = {"accepted": key, "push": received.push.id, "reason": received.told()}
    return Answer(202, {"status": status[received.placed.verdict], **body})


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
