"""What GitHub's headers say, judged before a byte of the body is read.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from slipway.webhook.payload import PayloadError, media_type
from slipway.webhook.verdict import Delivery, Refused

MAX_BYTES = 25 * 1024 * 1024
"""GitHub's own cap: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


def claimed(headers: Mapping[str, str]) -> Delivery:
    """Return the delivery that the headers claim, shortened to what a row holds and printable."""
    return Delivery(
        id=_printable(headers, "x-github-delivery", 100), event=_printable(headers, "x-github-event", 64)
    )


def refuse(headers: Mapping[str, str], status: int, reason: str, retry_after: int = 0) -> Refused:
    """Return the refusal of a request whose signature is not known to be right."""
    kind = _printable(headers, "x-github-hook-installation-target-type", 24)
    hook = f"{kind} {_printable(headers, 'x-github-hook-installation-target-id', 24)}".strip()
    return Refused(status, reason, claimed(headers), counted=True, about=hook, retry_after=retry_after)


def refuse_unread(headers: Mapping[str, str]) -> Refused | None:
    """Refuse a request whose headers are not those of a signed delivery; None for the others.

    :param headers: by lower-case name.
    """
    refusal = _refuse_unsigned(headers) or _refuse_nameless(headers) or _refuse_body(headers)
    return None if refusal is None else refuse(headers, *refusal)


def _refuse_unsigned(headers: Mapping[str, str]) -> tuple[int, str] | None:
    signature = headers.get("x-hub-signature-256", "")
    if not signature:
        return 401, "signature missing: no X-Hub-Signature-256. Set the webhook's secret in GitHub"
    if not _SIGNATURE.fullmatch(signature):
        return 401, "signature malformed: X-Hub-Signature-256 is not `sha256=` and 64 hexadecimal digits"
    return None


def _refuse_nameless(headers: Mapping[str, str]) -> tuple[int, str] | None:
    if not _DELIVERY_ID.fullmatch(headers.get("x-github-delivery", "")):
        return 400, "X-GitHub-Delivery is missing or not a delivery id (letters, digits and `-`)"
    if not _EVENT.fullmatch(headers.get("x-github-event", "")):
        return 400, "X-GitHub-Event is missing or not an event name (lower-case letters and `_`)"
    return None


def _refuse_body(headers: Mapping[str, str]) -> tuple[int, str] | None:
    try:
        media_type(headers.get("content-type", ""))
    except PayloadError as error:
        return 400, f"malformed body: {error}"
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > MAX_BYTES:
        return 413, f"the body is {announced[:20]} bytes; at most {MAX_BYTES} are read"
    return None


def _printable(headers: Mapping[str, str], name: str, limit: int) -> str:
    return "".join(letter for letter in headers.get(name, "")[:limit] if letter.isprintable())
