"""The routes for tasks and triggers: :mod:`slipway.apiserver.questions` has the questions.

No login of Airflow's is asked for: a question is signed with the key of connection ``slipway_questions``.
What people ask, with a login, is in :mod:`slipway.apiserver.freeze_routes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from slipway.apiserver import questions as asked
from slipway.apiserver.answers import Answers
from slipway.apiserver.freeze_routes import add_freezes
from slipway.apiserver.pushes import PushAnswers
from slipway.flow.record import Record
from slipway.flow.ref_order import Reported
from slipway.flow.single_flight import BuildClaim
from slipway.webhook.reception import Reception
from slipway.webhook.routes import add_webhook
from slipway.webhook.transport import Answer, respond, signed

QUESTIONS: Mapping[str, type[Record]] = {
    asked.RUNS_ROUTE: asked.RunsQuestion,
    asked.PUSHES_ROUTE: asked.PushesQuestion,
    asked.TURNS_ROUTE: asked.TurnsQuestion,
    asked.BUILDS_ROUTE: BuildClaim,
    asked.APPROVALS_ROUTE: asked.ApprovalQuestion,
    asked.RIGHTS_ROUTE: asked.RightsQuestion,
    asked.REPORTS_ROUTE: Reported,
    asked.PUSH_ROUTE: asked.PushQuestion,
    asked.LOOKED_ROUTE: asked.LookedReport,
    asked.BUILT_ROUTE: asked.BuiltReport,
    asked.SUPERSEDED_ROUTE: asked.SupersededReport,
    asked.SETTLE_ROUTE: asked.SettleQuestion,
    asked.RELEASED_ROUTE: asked.ReleasedReport,
    asked.HISTORY_ROUTE: asked.HistoryQuestion,
    asked.KEPT_ROUTE: asked.KeptQuestion,
}
"""What a task asks at each route."""


def create_app(reception: Reception) -> FastAPI:
    """Return the application that is mounted under ``/slipway``: the webhook, and what tasks ask."""
    app = FastAPI(title="Slipway webhooks", openapi_url=None, docs_url=None, redoc_url=None)
    add_webhook(app, reception)
    add_freezes(app, reception)
    answers, of_pushes = Answers(reception.session, reception.apps), PushAnswers(reception.session)
    by_route: dict[str, Callable[[Any], Answer]] = {
        asked.RUNS_ROUTE: answers.runs,
        asked.PUSHES_ROUTE: answers.pushes,
        asked.TURNS_ROUTE: answers.turns,
        asked.BUILDS_ROUTE: answers.builds,
        asked.APPROVALS_ROUTE: answers.approvals,
        asked.RIGHTS_ROUTE: answers.may_start,
        asked.REPORTS_ROUTE: of_pushes.report,
        asked.PUSH_ROUTE: of_pushes.find,
        asked.LOOKED_ROUTE: of_pushes.looked,
        asked.BUILT_ROUTE: of_pushes.built,
        asked.SUPERSEDED_ROUTE: of_pushes.superseded,
        asked.SETTLE_ROUTE: of_pushes.settle,
        asked.RELEASED_ROUTE: of_pushes.released,
        asked.HISTORY_ROUTE: of_pushes.history,
        asked.KEPT_ROUTE: of_pushes.kept,
    }
    for route, question in QUESTIONS.items():
        _add(app, reception, route, question, by_route[route])
    return app


def _add(
    app: FastAPI, reception: Reception, route: str, question: type[Record], answer: Callable[[Any], Answer]
) -> None:
    @app.post(route, name=answer.__name__, description=answer.__doc__)
    async def ask(request: Request) -> JSONResponse:
        return respond(await signed(request, reception.keys, question, answer))
