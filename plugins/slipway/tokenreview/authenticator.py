"""Authenticates tokens, with as few requests to Keystone as possible.

* A good token is believed for half a minute, a bad one is refused for ten seconds, without asking.
* The same token asked about ten times at once is one question.
* Text that is no token of Keystone's is refused unasked. Tokens that Keystone does not know are asked about
  a few times a second and no more; those that it knew before are asked about all the same, so that a flood
  locks out no user who is logged in.
* Keystone away: what is cached is good until it expires, all else is refused, at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.flow.record import SlipwayError
from slipway.flow.tenancy.identity import Identity, identity
from slipway.openstack.keystone.validation import KeystoneAwayError
from slipway.tokenreview.cache import Failures, Remembered
from slipway.tokenreview.review import ReviewVerdict

log = logging.getLogger(__name__)

_TOKEN = re.compile(
    r"gAAAAA[A-Za-z0-9_-]{60,2000}={0,2}|[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"
)
"""Fernet, and JWS: https://docs.openstack.org/keystone/latest/admin/tokens-overview.html"""
LONGEST = 4096

STRANGE = "this is not a Keystone token"
UNKNOWN = "Keystone does not know this token (any more)"
AWAY = "Keystone does not answer; try again in a moment"
BUSY = "too many logins at once; try again in a moment"
FLOOD = "too many tokens that Keystone does not know; try again in a moment"


@dataclass(frozen=True)
class Rules:
    """Seconds and numbers. With kube-apiserver's own caches a revocation is seen within a minute."""

    good_seconds: float = 30
    bad_seconds: float = 10
    most: int = 20_000
    failures_at_once: int = 10
    failures_a_second: float = 2
    at_once: int = 16
    patience_seconds: float = 3
    away_seconds: float = 1


class Authenticator:
    """One Keystone's tokens, inside one event loop."""

    def __init__(
        self,
        validate: Callable[[str], Awaitable[Any]],
        rules: Rules | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with empty caches.

        :param validate: :meth:`slipway.openstack.keystone.validation.TokenValidation.validate`.
        """
        self._validate = validate
        self._rules = rules or Rules()
        self._clock = clock
        self._today = today
        self._verdicts: Remembered[ReviewVerdict] = Remembered(self._rules.most)
        self._known: Remembered[bool] = Remembered(self._rules.most)
        self._failures = Failures(self._rules.failures_at_once, self._rules.failures_a_second)
        self._slots = asyncio.Semaphore(self._rules.at_once)
        self._asking: dict[bytes, asyncio.Task[ReviewVerdict]] = {}
        self._away_until = float("-inf")

    async def authenticate(self, token: str) -> ReviewVerdict:
        """Say whose a token is."""
        if len(token) > LONGEST or not _TOKEN.fullmatch(token):
            return ReviewVerdict(None, STRANGE)
        key = hashlib.sha256(token.encode()).digest()
        if (kept := self._verdicts.get(key, self._clock())) is not None:
            return kept
        task = self._asking.get(key)
        if task is None:
            if refusal := self._refuse(key):
                return refusal
            task = self._asking[key] = asyncio.create_task(self._ask(key, token))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    def _refuse(self, key: bytes) -> ReviewVerdict | None:
        now = self._clock()
        if now < self._away_until:
            return ReviewVerdict(None, AWAY)
        if self._known.get(key, now) is None and not self._failures.may_fail(now):
            return ReviewVerdict(None, FLOOD)
        return None

    async def _ask(self, key: bytes, token: str) -> ReviewVerdict:
        try:
            async with asyncio.timeout(self._rules.patience_seconds):
                await self._slots.acquire()
        except TimeoutError:
            return ReviewVerdict(None, BUSY)
        try:
            # Others may have failed, or waited in vain, before it was this one's turn.
            return self._refuse(key) or self._settle(key, await self._validate(token))
        except KeystoneAwayError as error:
            if self._clock() >= self._away_until:
                log.warning("token review: %s", error)
            self._away_until = self._clock() + self._rules.away_seconds
            return ReviewVerdict(None, AWAY)
        except SlipwayError as error:
            # Perhaps it is this token's doing: others are asked about as before.
            log.error("token review: %s", error)
            self._failures.failed()
            return ReviewVerdict(None, AWAY)
        finally:
            self._slots.release()

    def _settle(self, key: bytes, document: Any) -> ReviewVerdict:
        now = self._clock()
        who: Identity | None = None if document is None else identity(document)
        left = 0.0 if who is None else (who.expires_at - self._today()).total_seconds()
        if who is None or left <= 0:
            self._failures.failed()
            self._known.drop(key)
            verdict = ReviewVerdict(None, UNKNOWN)
            self._verdicts.put(key, verdict, now + self._rules.bad_seconds)
            return verdict
        verdict = ReviewVerdict(who)
        self._known.put(key, True, now + left)
        self._verdicts.put(key, verdict, now + min(left, self._rules.good_seconds))
        return verdict
