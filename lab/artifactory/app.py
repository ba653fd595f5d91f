"""The application: every address below ``/artifactory``."""

from __future__ import annotations

from fastapi import FastAPI

from lab.artifactory import refusal
from lab.artifactory.routes_builds import router as builds
from lab.artifactory.routes_files import router as files
from lab.artifactory.routes_promotion import router as promotion
from lab.artifactory.routes_search import router as search
from lab.artifactory.routes_signed import router as signed
from lab.artifactory.routes_storage import router as storage
from lab.artifactory.routes_system import router as system
from lab.artifactory.routes_transfer import router as transfer
from lab.artifactory.settings import Settings
from lab.artifactory.store import Store

_ROUTERS = (
    system,
    storage,
    transfer,
    search,
    promotion,
    builds,
    signed,
    files,  # last: its path takes whatever no other took
)


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application that serves what is kept in ``settings.root``."""
    app = FastAPI(title="Artifactory stand-in", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.store = Store(settings)
    refusal.install(app)
    for router in _ROUTERS:
        app.include_router(router, prefix="/artifactory")
    return app
