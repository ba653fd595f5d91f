"""Waits until a push is over, in the triggerer, by asking the API server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.apiserver.questions import PUSH_ROUTE, PushQuestion, RecordedAnswer
from slipway.webhook.triggers import TIMEOUT_SECONDS, ask

log = logging.getLogger(__name__)


class PushTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires when a push is over.

    :param url: of the API server's ``/slipway``.
    :param key: of the push.
    :param poll_seconds: between two looks.
    """

    def __init__(self, url: str, key: str, poll_seconds: float = 2.0) -> None:
        super().__init__()
        self.url = url
        self.key = key
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in ("url", "key", "poll_seconds")}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is over; a refusal fires as an error."""
        question, state = PushQuestion(id=self.key), ""
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                answer = await ask(client, f"{self.url}{PUSH_ROUTE}", question)
                if error := answer.get("error"):
                    yield TriggerEvent({"error": error})
                    return
                if answer:
                    one = RecordedAnswer.from_json(answer).push
                    if one is None or one.state == "over":
                        yield TriggerEvent({} if one else {"error": f"no push {self.key} is on record"})
                        return
                    if one.state != state:
                        state = one.state
                        log.info("%s is %s", self.key, state)
                await asyncio.sleep(self.poll_seconds)
