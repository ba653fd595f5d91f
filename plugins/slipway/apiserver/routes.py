"""The routes for tasks and triggers: :mod:`slipway.apiserver.questions` has the questions.

No login of Airflow's is asked for: a question is signed with the key of connection ``slipway_questions``.
What people ask, with a login, is in :mod:`slipway.apiserver.freeze_routes`.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from slipway.apiserver.answers import Answers
from slipway.apiserver.freeze_routes import add_freezes
from slipway.apiserver.pushes import PushAnswers
from slipway.apiserver.questions import (
    APPROVALS_ROUTE,
    BUILDS_ROUTE,
    BUILT_ROUTE,
    HISTORY_ROUTE,
    KEPT_ROUTE,
    LOOKED_ROUTE,
    PUSH_ROUTE,
    PUSHES_ROUTE,
    RELEASED_ROUTE,
    REPORTS_ROUTE,
    RIGHTS_ROUTE,
    RUNS_ROUTE,
    SETTLE_ROUTE,
    SUPERSEDED_ROUTE,
    TURNS_ROUTE,
    ApprovalQuestion,
    BuiltReport,
    HistoryQuestion,
    KeptQuestion,
    LookedReport,
    PushesQuestion,
    PushQuestion,
    ReleasedReport,
    RightsQuestion,
    RunsQuestion,
    SettleQuestion,
    SupersededReport,
    TurnsQuestion,
)
from slipway.flow.ref_order import Reported
from slipway.flow.single_flight import BuildClaim
from slipway.webhook.reception import Reception
from slipway.webhook.routes import add_webhook
from slipway.webhook.transport import respond, signed


def create_app(reception: Reception) -> FastAPI:
    """Return the application that is mounted under ``/slipway``: the webhook, and what tasks ask."""
    app = FastAPI(title="Slipway webhooks", openapi_url=None, docs_url=None, redoc_url=None)
    answers = Answers(reception.session, reception.apps)
    add_webhook(app, reception)
    add_freezes(app, reception)
    _add_pushes(app, reception)
    _add_releases(app, reception)

    @app.post(RUNS_ROUTE)
    async def runs(request: Request) -> JSONResponse:
        """Tell a task which runs live."""
        return respond(await signed(request, reception.keys, RunsQuestion, answers.runs))

    @app.post(PUSHES_ROUTE)
    async def pushes(request: Request) -> JSONResponse:
        """Answer a task what became of pushes."""
        return respond(await signed(request, reception.keys, PushesQuestion, answers.pushes))

    @app.post(TURNS_ROUTE)
    async def turns(request: Request) -> JSONResponse:
        """Answer a task, or a trigger, whose turn it is to deploy."""
        return respond(await signed(request, reception.keys, TurnsQuestion, answers.turns))

    @app.post(BUILDS_ROUTE)
    async def builds(request: Request) -> JSONResponse:
        """Tell a task who builds an image."""
        return respond(await signed(request, reception.keys, BuildClaim, answers.builds))

    @app.post(APPROVALS_ROUTE)
    async def approvals(request: Request) -> JSONResponse:
        """Tell a task whether people are to be asked about its release, and not about a newer one."""
        return respond(await signed(request, reception.keys, ApprovalQuestion, answers.approvals))

    @app.post(RIGHTS_ROUTE)
    async def may_start(request: Request) -> JSONResponse:
        """Tell a task whether who started its run may start another DAG."""
        return respond(await signed(request, reception.keys, RightsQuestion, answers.may_start))

    return app


def _add_pushes(app: FastAPI, reception: Reception) -> None:
    answers, keys = PushAnswers(reception.session), reception.keys

    @app.post(REPORTS_ROUTE)
    async def report(request: Request) -> JSONResponse:
        """Record a push that a task reports."""
        return respond(await signed(request, keys, Reported, answers.report))

    @app.post(PUSH_ROUTE)
    async def find(request: Request) -> JSONResponse:
        """Return a push to a task that runs for it."""
        return respond(await signed(request, keys, PushQuestion, answers.find))

    @app.post(LOOKED_ROUTE)
    async def looked(request: Request) -> JSONResponse:
        """Take down what a push's first look decided."""
        return respond(await signed(request, keys, LookedReport, answers.looked))

    @app.post(BUILT_ROUTE)
    async def built(request: Request) -> JSONResponse:
        """Take down what a pipeline hands on."""
        return respond(await signed(request, keys, BuiltReport, answers.built))

    @app.post(SUPERSEDED_ROUTE)
    async def superseded(request: Request) -> JSONResponse:
        """Take down that a push is superseded."""
        return respond(await signed(request, keys, SupersededReport, answers.superseded))

    @app.post(SETTLE_ROUTE)
    async def settle(request: Request) -> JSONResponse:
        """Resume pushes whose reports were lost."""
        return respond(await signed(request, keys, SettleQuestion, answers.settle))


def _add_releases(app: FastAPI, reception: Reception) -> None:
    answers, keys = PushAnswers(reception.session), reception.keys

    @app.post(RELEASED_ROUTE)
    async def released(request: Request) -> JSONResponse:
        """Take down what a release put into place."""
        return respond(await signed(request, keys, ReleasedReport, answers.released))

    @app.post(HISTORY_ROUTE)
    async def history(request: Request) -> JSONResponse:
        """Return what ran in a place."""
        return respond(await signed(request, keys, HistoryQuestion, answers.history))

    @app.post(KEPT_ROUTE)
    async def kept(request: Request) -> JSONResponse:
        """Return which releases must stay restorable."""
        return respond(await signed(request, keys, KeptQuestion, answers.kept))
