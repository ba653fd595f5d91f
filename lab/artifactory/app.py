"""The application: every address below ``/artifactory``."""

from __future__ import annotations

from fastapi import FastAPI

from lab.artifactory import (
    refusal,
    routes_builds,
    routes_files,
    routes_search,
    routes_storage,
    routes_system,
    routes_transfer,
)
from lab.artifactory.settings import Settings
from lab.artifactory.store import Store

_ROUTERS = (
    routes_system.router,
    routes_storage.router,
    routes_transfer.router,
    routes_search.router,
    routes_builds.router,
    routes_files.router,  # last: its path takes whatever no other took
)


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application that serves what is kept in ``settings.root``."""
    app = FastAPI(title="Artifactory stand-in", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.store = Store(settings)
    refusal.install(app)
    for router in _ROUTERS:
        app.include_router(router, prefix="/artifactory")
    return app
