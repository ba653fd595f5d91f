"""The application: ``/rest/api/2`` and ``/rest/api/latest``."""

from __future__ import annotations

from fastapi import FastAPI

from lab.jira import refusal
from lab.jira.issues import Issues
from lab.jira.routes_about import router as about
from lab.jira.routes_issues import router as issues
from lab.jira.routes_search import cloud, server
from lab.jira.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application that serves what is kept in ``settings.root``."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, default_response_class=refusal.Json)
    app.state.settings = settings
    app.state.issues = Issues(settings.root)
    refusal.install(app)
    for version in ("2", "latest"):
        for router in (about, cloud if settings.cloud else server, issues):
            app.include_router(router, prefix=f"/rest/api/{version}")
    if settings.cloud:
        app.include_router(cloud, prefix="/rest/api/3")
    return app
