"""How requests under ``/slipway`` are answered in Airflow's API server.

No request may hold a connection for long: what blocks runs in a thread, and is abandoned when it takes too
long.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio.to_thread
from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from slipway.flow.record import Record
from slipway.webhook.body import BodyError, read_body
from slipway.webhook.budget import REQUEST_BYTES, ByteBudget, Held
from slipway.webhook.question_key import CONNECTION
from slipway.webhook.signature import is_signed_search
from slipway.webhook.sources import group

log = logging.getLogger(__name__)

STORE_SECONDS = 9.0
"""GitHub waits for ten: https://docs.github.com/en/webhooks/using-webhooks/handling-webhook-deliveries"""
SEARCH_BYTES = 64 * 1024
QUESTIONS = ByteBudget(16 * 1024 * 1024, SEARCH_BYTES + 2 * REQUEST_BYTES)
"""For questions, of all routes of this process: strangers' deliveries leave room for those of tasks."""
SIGNED_QUESTION = re.compile(r"[0-9]{1,12}\.[0-9a-f]{64}")
UNSIGNED = (
    "signature wrong, or the clocks differ by minutes: tasks and the API server must read the same "
    f"connection {CONNECTION}"
)
DATABASE_AWAY = (
    "not stored: the database refused it. Send it again; if it fails again, see the API server's log "
    "(`airflow db migrate` creates Slipway's table)"
)

Q = TypeVar("Q", bound=Record)
Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a session that commits when its block ends well."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status and JSON body; ``retry_after`` in seconds, 0 for none."""

    status: int
    body: dict[str, Any]
    retry_after: int = 0


async def signed(
    request: Request, keys: Callable[[], list[str]], model: type[Q], answer: Callable[[Q], Answer]
) -> Answer:
    """Answer a question of Slipway's own, signed with a key that no webhook has.

    :param keys: :class:`slipway.webhook.question_key.ServerKeys`.
    """
    signature = request.headers.get("x-slipway-signature", "")
    if not SIGNED_QUESTION.fullmatch(signature):
        return await in_thread(lambda: _unsigned(keys))
    held = Held(QUESTIONS, group(request.client.host) if request.client else "")
    try:
        body = await read_body(request, SEARCH_BYTES, held)
    except BodyError as error:
        return Answer(error.status, {"reason": error.reason}, error.retry_after)

    def judge() -> Answer:
        if not (known := keys()):
            reason = f"connection {CONNECTION} has no password, or the database does not answer; try again"
            return Answer(503, {"reason": reason})
        if not is_signed_search(body, signature, known, int(time.time())):
            return Answer(401, {"reason": UNSIGNED})
        held.release()
        return _reply(body, model, answer)

    return await in_thread_with(held, judge)


def _unsigned(keys: Callable[[], list[str]]) -> Answer:
    """Refuse a question; a task that asks before there is a key has it made."""
    keys()
    return Answer(401, {"reason": UNSIGNED})


def _reply(body: bytes, model: type[Q], answer: Callable[[Q], Answer]) -> Answer:
    try:
        question = model.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        return Answer(400, {"reason": f"the question has errors in: {fields or 'the body'}"})
    if _has_nul(question.model_dump()):
        return Answer(400, {"reason": "the question has errors in: a text with NUL, which no database takes"})
    return answer(question)


def _has_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_has_nul(one) for pair in value.items() for one in pair)
        case list() | tuple():
            return any(map(_has_nul, value))
    return False


async def in_thread_with(held: Held, work: Callable[[], Answer]) -> Answer:
    """Run ``work`` as :func:`in_thread` does; what is held is given back when it really ends."""
    begun = threading.Event()

    def holding() -> Answer:
        begun.set()
        with held:
            return work()

    try:
        return await in_thread(holding)
    finally:
        if not begun.is_set():
            held.release()


async def in_thread(work: Callable[[], Answer]) -> Answer:
    """Run ``work`` off the event loop; answer in time even when the database does not.

    What is abandoned may still be stored: the same delivery sent again then is "already received".
    """
    try:
        async with asyncio.timeout(STORE_SECONDS):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        return Answer(503, {"status": "refused", "reason": DATABASE_AWAY})


def look(sessions: Sessions, find: Callable[[Session], dict[str, Any]]) -> Answer:
    """Answer with what is found in the database. Blocks."""
    try:
        with sessions() as session:
            return Answer(200, find(session))
    except SQLAlchemyError:
        log.exception("searching the database failed")
        return Answer(503, {"reason": "the database does not answer; try again"})


def respond(answer: Answer) -> JSONResponse:
    """Return the answer as HTTP has it."""
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else None
    return JSONResponse(answer.body, status_code=answer.status, headers=headers)
