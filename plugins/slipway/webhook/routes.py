"""The transport: bytes from GitHub to :mod:`slipway.webhook.reception`, in Airflow's API server.

No login of Airflow's is asked for: a signature lets a delivery, or a sensor's search, in. Never more than
the limit is read into memory, and no request may hold a connection for long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from slipway.flow.record import Record
from slipway.webhook.github import MAX_BYTES, claimed
from slipway.webhook.questions import (
    APPROVALS_ROUTE,
    PUSHES_ROUTE,
    RIGHTS_ROUTE,
    RUNS_ROUTE,
    TURNS_ROUTE,
    ApprovalQuestion,
    PushesQuestion,
    RightsQuestion,
    RunsQuestion,
    TurnsQuestion,
)
from slipway.webhook.reception import DATABASE_AWAY, Answer, Reception
from slipway.webhook.search import Search
from slipway.webhook.signature import is_signed_search
from slipway.webhook.verdict import Refused

BODY_SECONDS = 60.0
STORE_SECONDS = 9.0
"""GitHub waits for ten: https://docs.github.com/en/webhooks/using-webhooks/handling-webhook-deliveries"""
SEARCH_BYTES = 64 * 1024

Q = TypeVar("Q", bound=Record)


class BodyError(Exception):
    """The body was not read; ``answer`` says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def create_app(reception: Reception) -> FastAPI:
    """Return the application that is mounted under ``/slipway``."""
    app = FastAPI(title="Slipway webhooks", openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/webhooks/github")
    async def github(request: Request) -> JSONResponse:
        """Take one delivery of GitHub's."""
        return _respond(await _deliver(reception, request))

    @app.post("/deliveries/search")
    async def search(request: Request) -> JSONResponse:
        """Answer a sensor's search for a stored delivery."""
        return _respond(await _signed(request, reception.secrets, Search, reception.search))

    @app.post(RUNS_ROUTE)
    async def runs(request: Request) -> JSONResponse:
        """Tell a task which runs live."""
        return _respond(await _signed(request, reception.secrets, RunsQuestion, reception.runs))

    @app.post(PUSHES_ROUTE)
    async def pushes(request: Request) -> JSONResponse:
        """Tell a task what became of pushes."""
        return _respond(await _signed(request, reception.secrets, PushesQuestion, reception.pushes))

    @app.post(TURNS_ROUTE)
    async def turns(request: Request) -> JSONResponse:
        """Tell a task, or a trigger, whose turn it is to deploy."""
        return _respond(await _signed(request, reception.secrets, TurnsQuestion, reception.turns))

    @app.post(APPROVALS_ROUTE)
    async def approvals(request: Request) -> JSONResponse:
        """Tell a task whether people are to be asked about its release, and not about a newer one."""
        return _respond(await _signed(request, reception.secrets, ApprovalQuestion, reception.approvals))

    @app.post(RIGHTS_ROUTE)
    async def may_start(request: Request) -> JSONResponse:
        """Tell a task whether who started its run may start another DAG."""
        return _respond(await _signed(request, reception.secrets, RightsQuestion, reception.may_start))

    return app


async def _deliver(reception: Reception, request: Request) -> Answer:
    sender = request.client.host if request.client else ""
    headers = dict(request.headers)
    try:
        body = await read_body(request, MAX_BYTES)
    except BodyError as error:
        refused = Refused(error.status, error.reason, claimed(headers))
        return await _in_thread(lambda: reception.settle(refused, datetime.now(UTC), sender, 0))
    return await _in_thread(lambda: reception.handle(headers, body, sender))


async def _signed(
    request: Request, secrets: Callable[[], list[str]], model: type[Q], answer: Callable[[Q], Answer]
) -> Answer:
    """Answer a question of Slipway's own: signed with the webhook secret."""
    try:
        body = await read_body(request, SEARCH_BYTES)
    except BodyError as error:
        return Answer(error.status, {"reason": error.reason})
    signature = request.headers.get("x-slipway-signature", "")
    return await _in_thread(lambda: _judge(body, signature, secrets(), model, answer))


def _judge(
    body: bytes, signature: str, secrets: list[str], model: type[Q], answer: Callable[[Q], Answer]
) -> Answer:
    if not is_signed_search(body, signature, secrets, int(time.time())):
        reason = (
            "signature wrong, or the clocks differ by minutes: sensor and API server share the webhook secret"
        )
        return Answer(401, {"reason": reason})
    try:
        question = model.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        return Answer(400, {"reason": f"no question as it is asked here; look at: {fields or 'the body'}"})
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


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    """Run ``work`` off the event loop; answer in time even when the database does not.

    What is abandoned may still be stored: the same delivery sent again then is "already received".
    """
    try:
        async with asyncio.timeout(STORE_SECONDS):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        return Answer(503, {"status": "refused", "reason": DATABASE_AWAY})


def _respond(answer: Answer) -> JSONResponse:
    return JSONResponse(answer.body, status_code=answer.status)
