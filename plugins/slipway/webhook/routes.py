"""The webhook's routes: bytes from GitHub to :mod:`slipway.webhook.reception`, in Airflow's API server.

No login of Airflow's is asked for: a signature lets a delivery, or a sensor's search, in.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from slipway.webhook.github import MAX_BYTES, claimed
from slipway.webhook.reception import Reception
from slipway.webhook.search import Search
from slipway.webhook.transport import Answer, BodyError, in_thread, read_body, respond, signed
from slipway.webhook.verdict import Refused


def add_webhook(app: FastAPI, reception: Reception) -> None:
    """Add the routes that receive deliveries, and search them."""

    @app.post("/webhooks/github")
    async def github(request: Request) -> JSONResponse:
        """Take one delivery of GitHub's."""
        return respond(await _deliver(reception, request))

    @app.get("/health")
    async def health() -> JSONResponse:
        """Say whether pushes get on; for monitors, which have no login."""
        return respond(await in_thread(reception.health))

    @app.post("/deliveries/search")
    async def search(request: Request) -> JSONResponse:
        """Answer a sensor's search for a stored delivery."""
        return respond(await signed(request, reception.keys, Search, reception.search))


async def _deliver(reception: Reception, request: Request) -> Answer:
    sender = request.client.host if request.client else ""
    headers = dict(request.headers)
    try:
        body = await read_body(request, MAX_BYTES)
    except BodyError as error:
        refused = Refused(error.status, error.reason, claimed(headers))
        return await in_thread(lambda: reception.settle(refused, datetime.now(UTC), sender, 0))
    return await in_thread(lambda: reception.handle(headers, body, sender))
