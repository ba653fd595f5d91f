"""One webhook delivery, as GitHub makes it: signed over the bytes that are sent.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

from lab.patience import stretched

TIMEOUT_SECONDS = 10  # what GitHub grants a receiver
ANSWER_CHARACTERS = 200


def signed(body: bytes, secret: str) -> str:
    """Return the value of ``X-Hub-Signature-256`` for ``body``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery_request(url: str, secret: str, event: str, payload: dict[str, Any]) -> urllib.request.Request:
    """Return the POST that delivers ``payload`` as a GitHub ``event``."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/lab",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Hook-ID": "1",
        "X-Hub-Signature-256": signed(body, secret),
    }
    return urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (set by the lab)


def deliver(request: urllib.request.Request) -> str:
    """Send one delivery and return what the receiver answered, in one line; never raises for the far side."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the receiver is on this machine
    try:
        with opener.open(request, timeout=stretched(TIMEOUT_SECONDS)) as response:
            return _answer(response.status, response.reason, response.read(ANSWER_CHARACTERS))
    except urllib.error.HTTPError as error:
        return _answer(error.code, str(error.reason), error.read(ANSWER_CHARACTERS))
    except (OSError, ValueError) as error:
        return f"not delivered: {getattr(error, 'reason', error)}"


def _answer(status: int, reason: str, body: bytes) -> str:
    text = "".join(c if c.isprintable() else " " for c in body.decode(errors="replace")).strip()
    return f"{status} {reason.lower()} {text}".rstrip()
