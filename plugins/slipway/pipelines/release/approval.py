"""The task of ``deploy`` that asks people to approve a release to an environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped, TaskAwaitingInput

from slipway.flow import approval
from slipway.flow.approval import APPROVAL, RELEASE_TASK, ApprovalRequest
from slipway.flow.platforms import Platform
from slipway.flow.release import ReleaseRow, SupersededError
from slipway.pipelines.task_endings import retried_if_worth_it
from slipway.rollout.operators import REASON
from slipway.rollout.side import Json

if TYPE_CHECKING:
    from slipway.apiserver.questions import ApprovalAnswer
    from slipway.flow.image import Image
    from slipway.flow.plans import ReleasePlan


class ApproveOperator(HITLOperator):  # type: ignore[misc]
    """Asks who may approve, and waits without a worker; its result is the answer that approves the release.

    A rejection, a newer push, and silence where ``otherwise`` is ``skip`` skip what follows; silence fails
    the task where it is ``fail``. https://airflow.apache.org/docs/apache-airflow/3.3.2/tutorial/hitl.html
    """

    ui_color = "#f3e3f9"

    def __init__(self, **options: Any) -> None:
        super().__init__(subject="Deploy?", options=[approval.APPROVE, approval.REJECT], **options)

    def execute(self, context: Context) -> Any:
        """Ask, unless a newer release is in place or waits, or an earlier try has its answer."""
        request = _request(context)
        with retried_if_worth_it():
            try:
                self._word(context, request)
            except SupersededError as error:
                self._refuse(context, f"no approval is requested: {error}")
        # Asked for before Airflow's operator writes the question down, which erases its answer.
        with retried_if_worth_it():
            given = self._given(context, request)
        if given is not None:
            return self.execute_complete(context, given)
        try:
            super().execute(context)
        except TaskAwaitingInput:
            # The question is on record: of two that are asked in this moment, each finds the other.
            with retried_if_worth_it():
                self._claim(context, request)
            raise
        return None

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """End as the answer says."""
        request = _request(context)
        if event.get("error_type") == "timeout":
            reason = approval.unanswered(request)
            if request.approval.otherwise == "fail":
                context["ti"].xcom_push(key=REASON, value=reason)
                raise AirflowFailException(reason)
            self._refuse(context, reason)
        answer = super().execute_complete(context, event)
        if (refused := approval.refusal(request, answer)) is not None:
            self._refuse(context, refused)
        self.log.info("approved by %s", answer["responded_by_user"]["name"])
        return answer

    def _word(self, context: Context, request: ApprovalRequest) -> None:
        """Word the question, with the current state."""
        from slipway.pipelines.release.sides import side_of

        plans, run = _plans(context), context["run_id"]
        rows = []
        for name, plan in plans.items():
            side = side_of(plan)
            side.refuse_older(run)
            tried = side.tried()
            rows.append(ReleaseRow(platform=name, before=side.before(run), tried=tried, now=tried))
        images: dict[str, Image] = {name: plan.image for name, plan in plans.items()}
        self.response_timeout = timedelta(hours=request.approval.within)
        self.subject = approval.subject(request)
        self.body = approval.body(request, rows, images, datetime.now(UTC) + self.response_timeout)
        # Where Airflow knows users by numbers, no answer is accepted until the API server has looked them up.
        self.assigned_users = [{"id": name, "name": name} for name in request.approval.by]
        self.log.info("%s\n%s", self.subject, self.body)

    def _given(self, context: Context, request: ApprovalRequest) -> dict[str, Any] | None:
        """Return the answer to a try before this one, which did not come to read it."""
        if context["ti"].try_number <= self._first(context) + 1:
            return None
        given = self._ask(context, request, asked=False).given
        if given is None:
            return None
        return {
            "chosen_options": list(given.chosen),
            "params_input": given.beside,
            "responded_at": given.at,
            "responded_by_user": given.by,
        }

    def _first(self, context: Context) -> int:
        """Return the number of the last try before the task was started, or cleared."""
        first: int = context["ti"].max_tries - self.retries  # clearing a task gives it as many tries anew
        return first

    def _ask(self, context: Context, request: ApprovalRequest, *, asked: bool) -> ApprovalAnswer:
        from slipway.apiserver.client import ask_approval
        from slipway.apiserver.questions import ApprovalQuestion
        from slipway.pipelines.release.turns import question_of

        turn, by = question_of(context, next(iter(_plans(context).values()))), request.approval.by
        first = self._first(context)
        return ask_approval(
            ApprovalQuestion(place=turn.place, mine=turn.mine, by=by, after_try=first, asked=asked)
        )

    def _claim(self, context: Context, request: ApprovalRequest) -> None:
        """Be the one that is asked about.

        :raises SlipwayError: when no user could answer.
        """
        answer = self._ask(context, request, asked=True)
        if answer.newer is not None:
            other = f"{answer.newer.commit[:12]} (run {answer.newer.run_id})"
            self._refuse(context, f"no approval is requested: {other} is newer, and waits for approval")
        for ended in answer.ended:
            self.log.info("%s (run %s) waited, and is superseded", ended.commit[:12], ended.run_id)
        approval.check_known(request, answer.unknown)
        if answer.unknown:
            self.log.warning("apps.yaml: approval.by: Airflow does not know %s", ", ".join(answer.unknown))

    def _refuse(self, context: Context, reason: str) -> None:
        """End without a deployment.

        :raises DownstreamTasksSkipped: always.
        """
        self.log.info("%s", reason)
        context["ti"].xcom_push(key=REASON, value=reason)
        raise DownstreamTasksSkipped(tasks=sorted(self.downstream_task_ids))


def _request(context: Context) -> ApprovalRequest:
    return ApprovalRequest.from_json(context["ti"].xcom_pull(task_ids=RELEASE_TASK, key=APPROVAL))


def _plans(context: Context) -> dict[Platform, ReleasePlan]:
    from slipway.flow.plans import read_plan

    plans: Mapping[Platform, Json | None] = context["ti"].xcom_pull(task_ids=RELEASE_TASK)
    return {name: read_plan(name, plan) for name, plan in plans.items() if plan}
