"""Waits for a run's turn to deploy, in the triggerer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.apiserver.client import ask_turns
from slipway.apiserver.questions import TurnQuestion
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.turns import Turn
from slipway.polling import Poll

log = logging.getLogger(__name__)

TICK_SECONDS = 2.0
_polls: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Poll[Turn]]] = WeakKeyDictionary()


class TurnTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires when a run's turn has come, or will not come; all that wait share one poll.

    :param url: of the API server's ``/slipway``.
    :param question: a :class:`slipway.apiserver.questions.TurnQuestion` as JSON.
    """

    def __init__(self, url: str, question: dict[str, Any]) -> None:
        super().__init__()
        self.url = url
        self.question = question

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"url": self.url, "question": self.question}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait. The event says nothing: the task asks again, in case all has changed by then."""
        question, said = TurnQuestion.from_json(self.question), ""
        async with _shared(self.url).of(question.model_dump_json()) as feed:
            while True:
                try:
                    turn = await feed.next()
                except TransientError as error:
                    log.warning("%s; retrying", error)
                    continue
                except SlipwayError:
                    break  # the task asks again, and ends as that says
                if turn.state != "waits":
                    break
                if said not in ("", turn.told(question.mine)):
                    log.info("%s", turn.told(question.mine))
                said = turn.told(question.mine)
        yield TriggerEvent({})


def _shared(url: str) -> Poll[Turn]:
    """Return the poll that everybody in this event loop shares."""

    async def ask(keys: Sequence[str]) -> Mapping[str, Turn]:
        questions = [TurnQuestion.model_validate_json(key) for key in keys]
        return dict(zip(keys, await ask_turns(url, questions), strict=True))

    polls = _polls.setdefault(asyncio.get_running_loop(), {})
    return polls.setdefault(url, Poll(ask, TICK_SECONDS))
