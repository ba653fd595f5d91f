"""The routes for tasks and triggers: :mod:`slipway.apiserver.questions` has the questions.

No login of Airflow's is asked for: a question is signed with the webhook secret. What people ask, with a
login, is in :mod:`slipway.apiserver.freeze_routes`.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from slipway.apiserver.answers import Answers
from slipway.apiserver.freeze_routes import add_freezes
from slipway.apiserver.questions import (
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
from slipway.webhook.reception import Reception
from slipway.webhook.routes import add_webhook
from slipway.webhook.transport import respond, signed


def create_app(reception: Reception) -> FastAPI:
    """Return the application that is mounted under ``/slipway``: the webhook, and what tasks ask."""
    app = FastAPI(title="Slipway webhooks", openapi_url=None, docs_url=None, redoc_url=None)
    answers, secrets = Answers(reception.session, reception.apps), reception.secrets
    add_webhook(app, reception)
    add_freezes(app, reception)

    @app.post(RUNS_ROUTE)
    async def runs(request: Request) -> JSONResponse:
        """Tell a task which runs live."""
        return respond(await signed(request, secrets, RunsQuestion, answers.runs))

    @app.post(PUSHES_ROUTE)
    async def pushes(request: Request) -> JSONResponse:
        """Answer a task what became of pushes."""
        return respond(await signed(request, secrets, PushesQuestion, answers.pushes))

    @app.post(TURNS_ROUTE)
    async def turns(request: Request) -> JSONResponse:
        """Answer a task, or a trigger, whose turn it is to deploy."""
        return respond(await signed(request, secrets, TurnsQuestion, answers.turns))

    @app.post(APPROVALS_ROUTE)
    async def approvals(request: Request) -> JSONResponse:
        """Tell a task whether people are to be asked about its release, and not about a newer one."""
        return respond(await signed(request, secrets, ApprovalQuestion, answers.approvals))

    @app.post(RIGHTS_ROUTE)
    async def may_start(request: Request) -> JSONResponse:
        """Tell a task whether who started its run may start another DAG."""
        return respond(await signed(request, secrets, RightsQuestion, answers.may_start))

    return app
