"""What a request to the webhook is judged by before its body is read, and how much of bodies is read.

Each process of the API server counts for itself. The limits are ``webhooks`` in ``apps.yaml``, read again
every few seconds; while the file is broken, those that it had are in force.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping

from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.webhooks import Webhooks
from slipway.webhook.budget import REQUEST_BYTES, ByteBudget, Held
from slipway.webhook.headers import MAX_BYTES, refuse, refuse_unread
from slipway.webhook.rates import Rates
from slipway.webhook.sources import TRUSTED_PROXIES, admits, group
from slipway.webhook.verdict import Refused, Verdict

log = logging.getLogger(__name__)

KEPT_SECONDS = 15.0
MIB = 1024 * 1024
RESERVE = MAX_BYTES + 2 * REQUEST_BYTES


class Admission:
    """The limits of one process."""

    def __init__(self, apps: Callable[[], Apps]) -> None:
        """Begin with the limits that are in force without any settings.

        :param apps: reads the allow-list, raising SlipwayError; it may block.
        """
        self._apps = apps
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._settings = Webhooks()
        self._rates = Rates()
        self.budget = ByteBudget(0, RESERVE)
        self._use(Webhooks())

    async def refuse(self, headers: Mapping[str, str], host: str) -> Refused | None:
        """Refuse a request whose body need not be read; None for the others.

        :param headers: by lower-case name.
        :param host: the sender's address, printable.
        """
        await self._read_settings()
        if not admits(self._settings.networks, host):
            reason = (
                f"requests from {host} are not accepted: it is in no network of `webhooks.networks` in "
                "apps.yaml. Add it there; if it is a proxy, let the API server trust its X-Forwarded-For"
            )
            return refuse(headers, 403, reason)
        limit = self._settings.source_per_minute
        if seconds := self._rates.count("of a source", group(host), limit):
            reason = _too_many(f"{limit} requests from {host}", seconds, "source_per_minute")
            return refuse(headers, 429, reason, seconds)
        return refuse_unread(headers)

    def limit_repository(self, verdict: Verdict) -> Verdict:
        """Refuse a signed delivery when its repository sends too many; from any thread."""
        delivery, limit = verdict.delivery, self._settings.repository_per_minute
        if not delivery.repository:  # a ping of an organisation, and what was refused before it was parsed
            return verdict
        # Each event by itself: a repository whose checks send many leaves room for its pushes.
        if seconds := self._rates.count(delivery.event, delivery.repository.casefold(), limit):
            what = f"{limit} events `{delivery.event}` of {delivery.repository}"
            reason = _too_many(what, seconds, "repository_per_minute")
            return Refused(429, reason, delivery, True, True, about=delivery.repository, retry_after=seconds)
        return verdict

    def hold(self, host: str) -> Held:
        """Hold nothing yet of what one request may hold."""
        return Held(self.budget, group(host))

    async def _read_settings(self) -> None:
        async with self._reading:
            if time.monotonic() - self._read_at < KEPT_SECONDS:
                return
            try:
                self._use((await asyncio.to_thread(self._apps)).webhooks)
            except SlipwayError as error:
                log.warning("the webhook's limits stay as they are: %s", error)
            self._read_at = time.monotonic()

    def _use(self, settings: Webhooks) -> None:
        if settings.networks and os.environ.get(TRUSTED_PROXIES, "").strip() == "*":
            log.warning(
                "`webhooks.networks` in apps.yaml keeps nobody out: %s is `*`, so that every sender may name "
                "its own address. Set it to the addresses of your proxies",
                TRUSTED_PROXIES,
            )
        self._settings = settings
        self.budget.resize(settings.unverified_mib * MIB)


def _too_many(what: str, seconds: int, name: str) -> str:
    return (
        f"not stored: more than {what} within a minute. Send it again in {seconds} s; DAG reconcile_pushes "
        f"finds pushes that are not. The limit is `webhooks.{name}` in apps.yaml"
    )
