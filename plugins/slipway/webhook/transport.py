"""How requests under ``/slipway`` are read and answered in Airflow's API server.

Never more than a limit is read into memory, and no request may hold a connection for long: what blocks runs
in a thread, and is abandoned when it takes too long.
"""

from __future__ import annotations

import asyncio
import logging
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
from starlette.requests import ClientDisconnect

from slipway.flow.record import Record
from slipway.webhook.question_key import CONNECTION
from slipway.webhook.signature import is_signed_search

log = logging.getLogger(__name__)

BODY_SECONDS = 60.0
STORE_SECONDS = 9.0
"""GitHub waits for ten: https://docs.github.com/en/webhooks/using-webhooks/handling-webhook-deliveries"""
SEARCH_BYTES = 64 * 1024
DATABASE_AWAY = (
    "not stored: the database refused it. Send it again; if it fails again, see the API server's log "
    "(`airflow db migrate` creates Slipway's table)"
)

Q = TypeVar("Q", bound=Record)
Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a session that commits when its block ends well."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status and JSON body."""

    status: int
    body: dict[str, Any]


class BodyError(Exception):
    """The body was not read; ``answer`` says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def signed(
    request: Request, keys: Callable[[], list[str]], model: type[Q], answer: Callable[[Q], Answer]
) -> Answer:
    """Answer a question of Slipway's own, signed with a key that no webhook has.

    :param keys: :class:`slipway.webhook.question_key.ServerKeys`.
    """
    try:
        body = await read_body(request, SEARCH_BYTES)
    except BodyError as error:
        return Answer(error.status, {"reason": error.reason})
    signature = request.headers.get("x-slipway-signature", "")
    return await in_thread(lambda: _judge(body, signature, keys(), model, answer))


def _judge(
    body: bytes, signature: str, keys: list[str], model: type[Q], answer: Callable[[Q], Answer]
) -> Answer:
    if not keys:
        reason = f"connection {CONNECTION} has no password, or the database does not answer; try again"
        return Answer(503, {"reason": reason})
    if not is_signed_search(body, signature, keys, int(time.time())):
        reason = (
            "signature wrong, or the clocks differ by minutes: tasks and the API server must read the same "
            f"connection {CONNECTION}"
        )
        return Answer(401, {"reason": reason})
    try:
        question = model.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        return Answer(400, {"reason": f"the question has errors in: {fields or 'the body'}"})
    return answer(question)


async def read_body(request: Request, limit: int) -> bytes:
    """Read a request's body.

    :param limit: bytes; nothing more is read when there would be more.
    :raises BodyError: when it is too large, too slow, or breaks off.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise BodyError(413, f"the body is {announced[:20]} bytes; at most {limit} are read")
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise BodyError(413, f"the body is over {limit} bytes; no more are read")
                parts.append(part)
    except TimeoutError:
        raise BodyError(408, f"the body did not come within {BODY_SECONDS:g} seconds") from None
    except ClientDisconnect:
        raise BodyError(400, "the sender hung up before the body's end") from None
    return b"".join(parts)


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
    return JSONResponse(answer.body, status_code=answer.status)
