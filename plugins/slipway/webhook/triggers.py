"""Waits for a delivery, in the triggerer.

A trigger has no access to Airflow's database, and what it may ask its supervisor for knows nothing of the
inbox; so it asks the API server, and signs what it asks with a key that no webhook has
(:mod:`slipway.webhook.question_key`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.flow.record import Record
from slipway.webhook.question_key import trigger_key
from slipway.webhook.search import Search
from slipway.webhook.signature import sign_search

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15.0
OVERLAP = timedelta(seconds=60)
"""A delivery is seen when its transaction ends, which is after its ``received_at``: look back as far."""


class DeliveryTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires with the oldest stored delivery that ``search`` finds.

    :param url: of the API server's ``/slipway``.
    :param search: a :class:`slipway.webhook.search.Search` as JSON.
    :param poll_seconds: between two looks.
    """

    def __init__(self, url: str, search: dict[str, Any], poll_seconds: float) -> None:
        super().__init__()
        self.url = url
        self.search = search
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"url": self.url, "search": self.search, "poll_seconds": self.poll_seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is one; a permanent error fires as an error."""
        search = Search.from_json(self.search)
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                answer = await ask(client, f"{self.url}/deliveries/search", search)
                if answer.get("error") or answer.get("delivery"):
                    yield TriggerEvent(answer)
                    return
                search = _later(search, answer.get("now"))
                await asyncio.sleep(self.poll_seconds)


async def ask(client: httpx.AsyncClient, address: str, question: Record) -> dict[str, Any]:
    """Ask the API server, inside the triggerer; nothing while it does not answer, ``error`` when it refuses.

    :param address: of the route.
    """
    body = json.dumps(question.to_json()).encode()
    key = await trigger_key()
    signature = sign_search(body, key, int(time.time())) if key else ""
    headers = {"content-type": "application/json", "x-slipway-signature": signature}
    try:
        response = await client.post(address, content=body, headers=headers)
    except httpx.TransportError as error:
        log.warning("the API server does not answer (%s); retrying", type(error).__name__)
        return {}
    if response.status_code == httpx.codes.UNAUTHORIZED and not key:
        return {}  # the API server made the key when it was asked
    return _read(response)


def _read(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == httpx.codes.OK:
        answer: dict[str, Any] = response.json()
        return answer
    if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        log.warning("the API server answers %s; retrying", response.status_code)
        return {}
    return {"error": f"the API server refuses the search: {response.status_code} {response.text[:300]}"}


def _later(search: Search, now: str | None) -> Search:
    """Leave out what was looked at: all that came more than :data:`OVERLAP` before the server's ``now``."""
    if now is None:
        return search
    return search.model_copy(update={"since": max(search.since, datetime.fromisoformat(now) - OVERLAP)})
