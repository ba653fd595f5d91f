"""The application: every address of Jenkins that there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import Response

from lab.jenkins import refusal
from lab.jenkins.routes_jobs import router as jobs
from lab.jenkins.routes_system import router as system
from lab.jenkins.server import Jenkins
from lab.jenkins.settings import Settings
from lab.jenkins.views import Views

VERSION = "2.504.1"


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application that serves what is kept in ``settings.root``."""
    jenkins = Jenkins(settings)

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(jenkins.work())
        yield
        work.cancel()
        await jenkins.close()

    app = FastAPI(title="Jenkins stand-in", docs_url=None, redoc_url=None, openapi_url=None, lifespan=working)
    app.state.jenkins, app.state.views = jenkins, Views(jenkins)

    @app.middleware("http")
    async def enter(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        if jenkins.is_away:
            answer: Response = refusal.page(503, "Please wait while Jenkins is getting ready to work")
        else:
            try:
                if request.url.path != "/login":
                    request.state.user = jenkins.users.enter(request)
                answer = await go_on(request)
            except refusal.Refusal as refused:
                answer = refusal.page(refused.status, refused.message)
        answer.headers["X-Jenkins"] = VERSION
        return answer

    refusal.install(app)
    for router in (jobs, system):
        app.include_router(router)
    return app
