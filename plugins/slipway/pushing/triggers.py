"""Waits until a push is through, in the triggerer, by asking the API server for its runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.apiserver.questions import PUSHES_ROUTE, PushesQuestion
from slipway.flow.followed import Followed, is_through, is_under_way, states
from slipway.webhook.triggers import TIMEOUT_SECONDS, ask

log = logging.getLogger(__name__)


class PushTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires with the states of a push's runs, by DAG, when all that it starts has ended.

    :param url: of the API server's ``/slipway``.
    :param followed: a :class:`slipway.flow.followed.Followed` as JSON.
    :param patience_seconds: how long nothing may be under way before what is missing is given up.
    :param poll_seconds: between two looks.
    """

    def __init__(
        self, url: str, followed: dict[str, Any], patience_seconds: float = 600.0, poll_seconds: float = 2.0
    ) -> None:
        super().__init__()
        self.url = url
        self.followed = followed
        self.patience_seconds = patience_seconds
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        fields = ("url", "followed", "patience_seconds", "poll_seconds")
        return path, {name: getattr(self, name) for name in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is through; a refusal fires as an error."""
        followed = Followed.from_json(self.followed)
        question = PushesQuestion(keys=(followed.push.partition_key,))
        moved = time.monotonic()
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                answer = await ask(client, f"{self.url}{PUSHES_ROUTE}", question)
                if error := answer.get("error"):
                    yield TriggerEvent({"error": error})
                    return
                found = _states(followed, answer)
                if found is None or is_under_way(found):
                    moved = time.monotonic()
                elif is_through(followed, found) or time.monotonic() - moved > self.patience_seconds:
                    yield TriggerEvent({"states": found})
                    return
                await asyncio.sleep(self.poll_seconds)


def _states(followed: Followed, answer: dict[str, Any]) -> dict[str, str] | None:
    """Return the states of the push's runs; None when there was no answer."""
    if (pushes := answer.get("pushes")) is None:
        return None
    return states(followed, pushes.get(followed.push.partition_key, {}).get("runs", ()))
