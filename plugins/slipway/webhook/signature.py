"""Signatures over raw bytes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "sha256="
_SEARCH_PURPOSE = b"slipway deliveries 1"
CLOCK_SKEW_SECONDS = 300


def sign(body: bytes, secret: str) -> str:
    """Return the value of GitHub's ``X-Hub-Signature-256``.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Say whether one of ``secrets`` made ``signature``; takes as long for a near miss as for a far one."""
    return any(matches(body, signature, secrets))


def matches(body: bytes, signature: str, secrets: Sequence[str]) -> list[bool]:
    """Say of each of ``secrets`` whether it made ``signature``; all are tried, whichever did."""
    given = signature.encode("utf-8", "replace")
    return [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]


def sign_search(body: bytes, key: str, at: int) -> str:
    """Sign a question to the API server, so that no webhook's bytes pass for one, whatever secret it has.

    :param key: of :mod:`slipway.webhook.question_key`.
    :param at: seconds since the epoch; a signature is good for :data:`CLOCK_SKEW_SECONDS` around it.
    """
    derived = hmac.new(key.encode(), _SEARCH_PURPOSE, hashlib.sha256).digest()
    return f"{at}." + hmac.new(derived, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def is_signed_search(body: bytes, signature: str, keys: Sequence[str], now: int) -> bool:
    """Say whether one of ``keys`` made ``signature`` just now."""
    stamp = signature.partition(".")[0]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    if abs(int(stamp) - now) > CLOCK_SKEW_SECONDS:
        return False
    given = signature.encode("utf-8", "replace")
    made = [sign_search(body, key, int(stamp)).encode() for key in keys]
    return sum(hmac.compare_digest(one, given) for one in made) > 0
