"""The webhook's routes: bytes from GitHub to :mod:`slipway.webhook.reception`, in Airflow's API server.

No login of Airflow's is asked for: a signature lets a delivery, or a sensor's search, in.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from slipway.webhook.admission import Admission
from slipway.webhook.body import BodyError, read_body
from slipway.webhook.headers import MAX_BYTES, refuse
from slipway.webhook.metrics import FORMAT, exposition
from slipway.webhook.reception import Reception
from slipway.webhook.search import Search
from slipway.webhook.sources import printable
from slipway.webhook.transport import Answer, in_thread, in_thread_with, respond, signed
from slipway.webhook.verdict import Verdict


def add_webhook(app: FastAPI, reception: Reception) -> None:
    """Add the routes that receive deliveries, and search them."""
    admission = app.state.admission = Admission(reception.apps)

    @app.post("/webhooks/github")
    async def github(request: Request) -> JSONResponse:
        """Take one delivery of GitHub's."""
        answer = await _deliver(reception, admission, request)
        reception.tally.write_soon()
        return respond(answer)

    @app.get("/health")
    async def health() -> JSONResponse:
        """Say whether pushes get on; for monitors, which have no login."""
        return respond(await in_thread(reception.health))

    @app.get("/metrics")
    async def metrics() -> Response:
        """Say the same to Prometheus."""
        told = exposition((await in_thread(reception.health)).body)
        return Response(told, media_type=FORMAT)

    @app.post("/deliveries/search")
    async def search(request: Request) -> JSONResponse:
        """Answer a sensor's search for a stored delivery."""
        return respond(await signed(request, reception.keys, Search, reception.search))


async def _deliver(reception: Reception, admission: Admission, request: Request) -> Answer:
    sender = printable(request.client.host) if request.client else ""
    headers = dict(request.headers)
    if refused := await admission.refuse(headers, sender):
        return reception.settle(refused, datetime.now(UTC), sender, 0)
    held = admission.hold(sender)
    try:
        body = await read_body(request, MAX_BYTES, held)
    except BodyError as error:
        refused = refuse(headers, error.status, error.reason, error.retry_after)
        return reception.settle(refused, datetime.now(UTC), sender, 0)

    def vouched(verdict: Verdict) -> Verdict:
        held.release()
        return admission.limit_repository(verdict)

    return await in_thread_with(held, lambda: reception.handle(headers, body, sender, vouched))
