"""A run's turn to deploy an application to an environment. What only a task needs is imported by it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from slipway.flow.push import first_name
from slipway.flow.release import SupersededError
from slipway.flow.turns import Contender, TurnPlace

if TYPE_CHECKING:
    from slipway.apiserver.questions import TurnQuestion
    from slipway.apiserver.turn_trigger import TurnTrigger
    from slipway.flow.plans import ReleasePlan

TURN = "turn"
"""XCom key: when it became the run's turn; it is over when the run is."""

log = logging.getLogger(__name__)


def take(context: Any, plan: ReleasePlan) -> TurnTrigger | None:
    """Return what fires when it may be the run's turn; None when it is.

    :param context: of the task that rolls out.
    :param plan: a platform's.
    :raises SupersededError: when a newer push waits, or is being deployed.
    :raises TransientError: when the API server does not answer.
    """
    from slipway.apiserver.client import ask_turn
    from slipway.apiserver.turn_trigger import TurnTrigger
    from slipway.webhook.sensors import server_url

    question = question_of(context, plan)
    turn = ask_turn(question)
    if turn.state == "superseded":
        raise SupersededError(turn.told(question.mine))
    if turn.since is None:
        log.info("%s", turn.told(question.mine))
        return TurnTrigger(url=server_url(), question=question.to_json())
    if turn.let:
        log.info("%s", turn.told(question.mine))
    context["ti"].xcom_push(key=TURN, value=turn.since.isoformat())
    return None


def question_of(context: Any, plan: ReleasePlan) -> TurnQuestion:
    """Return what to ask for a task's run.

    :param plan: a platform's; each says of which push, application and environment it is.
    """
    from slipway.apiserver.questions import TurnQuestion

    push, ti = plan.push, context["ti"]
    place = TurnPlace(
        repository=first_name(push, plan.names), application=plan.application, environment=plan.environment
    )
    mine = Contender(dag_id=ti.dag_id, run_id=ti.run_id, commit=push.commit, at=push.at)
    return TurnQuestion(place=place, mine=mine)
