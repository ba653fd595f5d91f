"""The transport: ``POST /tokenreviews``, mounted in Airflow's API server or served alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from slipway.flow.record import SlipwayError
from slipway.tokenreview.authenticator import Authenticator
from slipway.tokenreview.review import NoReviewError, answer, read

MOST_BYTES = 64 * 1024


def create_app(authenticator: Callable[[], Awaitable[Authenticator]]) -> FastAPI:
    """Return the application.

    :param authenticator: gives the same one each time; a :class:`.SlipwayError` of it is answered with 503.
    """
    app = FastAPI(title="Slipway token review", openapi_url=None, docs_url=None, redoc_url=None)

    async def tokenreviews(request: Request) -> JSONResponse:
        """Answer one review; a refusal is an answer too."""
        try:
            review = read(await _body(request))
        except NoReviewError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except ClientDisconnect:
            return JSONResponse({"error": "the sender hung up before the body's end"}, status_code=400)
        try:
            chosen = await authenticator()
        except SlipwayError as error:
            return JSONResponse({"error": str(error)}, status_code=503)
        return JSONResponse(answer(review, await chosen.authenticate(review.token)))

    # kube-apiserver waits: FastAPI's reading of parameters is left out.
    app.add_route("/tokenreviews", tokenreviews, methods=["POST"])

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """Say that this answers; Keystone is not asked."""
        return JSONResponse({"status": "ok"})

    return app


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise NoReviewError(f"the body is over {MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
