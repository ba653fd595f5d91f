"""A secret that signs deliveries, and how people write one down. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import SecretSource

WARNED_BEFORE = timedelta(days=14)
_RULE = (
    "must be secrets separated by spaces, or a list whose entries are a secret, or "
    "{secret: ..., until: a date like 2030-12-31}"
)


@dataclass(frozen=True)
class WebhookSecret:
    """A secret, and until when it is good."""

    word: str = field(repr=False)
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Say whether it signs nothing any more."""
        return self.until is not None and now >= self.until

    def ends_soon(self, now: datetime) -> bool:
        """Say whether it ends in the next two weeks."""
        return self.until is not None and now >= self.until - WARNED_BEFORE


KnownSecrets = Mapping[SecretSource, tuple[WebhookSecret, ...] | None]
"""The secrets of each source; None for one that could not be read."""


def read_secrets(value: Any) -> tuple[WebhookSecret, ...]:
    """Return the secrets that people wrote into a connection, a variable or the environment.

    :param value: words, or a list (also as JSON text) of words and of ``{"secret": word, "until": date}``. A
        date is the last day, in UTC; a moment in ISO 8601 works, too.
    :raises SlipwayError: naming the entry that breaks the rule, and never the secret.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlipwayError(f"{_RULE}; it starts with `[` and is not JSON") from None
    if value is None or isinstance(value, str):
        return tuple(map(WebhookSecret, (value or "").split()))
    if not isinstance(value, list):
        raise SlipwayError(_RULE)
    return tuple(_entry(number, one) for number, one in enumerate(value, 1) if one)


def _entry(number: int, one: Any) -> WebhookSecret:
    if isinstance(one, str):
        return WebhookSecret(one)
    known = isinstance(one, dict) and one.keys() <= {"secret", "until"} and isinstance(one.get("secret"), str)
    if not known or not one["secret"]:
        raise SlipwayError(f"entry {number}: {_RULE}")
    return WebhookSecret(one["secret"], None if one.get("until") is None else _end(number, one["until"]))


def _end(number: int, text: Any) -> datetime:
    try:
        if len(text) == len("2030-12-31"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError, OverflowError):
        raise SlipwayError(f"entry {number}: `until` must be a date, like 2030-12-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
