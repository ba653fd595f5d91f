"""The far side: GitHub as it delivers."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from slipway.flow.apps import Apps
from slipway.flow.webhook_sources import INSTALLATION
from slipway.webhook.secret import KnownSecrets, WebhookSecret
from slipway.webhook.signature import sign

SECRET = "it-is-long-and-random"
KEY = "signs-what-tasks-ask"
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
ROUTE = "/webhooks/github"
KNOWN: KnownSecrets = {INSTALLATION: (WebhookSecret(SECRET),)}
APPS = Apps.from_json(
    {
        "version": 1,
        "events": ["workflow_run"],
        "applications": {
            "Octo/Hello": {
                "tenant": "demo",
                "environments": {
                    "production": {"refs": ["refs/heads/main", "refs/tags/*"], "namespace": "demo"}
                },
            }
        },
    }
)


def push(**fields: Any) -> dict[str, Any]:
    """Return a push payload with the fields that are read."""
    return {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": COMMIT,
        "deleted": False,
        "repository": {"full_name": "octo/hello"},
        "pusher": {"name": "mona"},
        "head_commit": {"id": COMMIT},
    } | fields


def headers(body: bytes, event: str = "push", secret: str = SECRET, **others: str | None) -> dict[str, str]:
    """Return GitHub's headers; ``None`` leaves one out."""
    made = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-event": event,
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": sign(body, secret),
    } | {name.replace("_", "-"): value for name, value in others.items()}
    return {name: value for name, value in made.items() if value is not None}


def encode(payload: object) -> bytes:
    """Return the JSON body of ``payload``."""
    return json.dumps(payload).encode()


def encode_form(payload: object) -> bytes:
    """Return the form body of ``payload``."""
    return urlencode({"payload": json.dumps(payload)}).encode()


@dataclass(frozen=True)
class Sender:
    """Delivers to a receiver over HTTP."""

    client: httpx.Client

    def deliver(
        self, payload: object, event: str = "push", secret: str = SECRET, **others: str | None
    ) -> httpx.Response:
        """Sign and send one delivery."""
        return self.send(encode(payload), event, secret, **others)

    def send(
        self, body: bytes, event: str = "push", secret: str = SECRET, **others: str | None
    ) -> httpx.Response:
        """Sign and send these bytes."""
        return self.client.post(ROUTE, content=body, headers=headers(body, event, secret, **others))
