"""Who may approve a release, and which of several waiting ones is still in question. Runs in the API server.

Of one application and environment the newest push waits; the others are answered for, as a person does it:
https://airflow.apache.org/docs/apache-airflow/3.3.2/tutorial/hitl.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.configuration import conf
from airflow.models.hitl import HITLDetail
from airflow.models.hitl_history import HITLDetailHistory
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.trigger import handle_event_submit
from airflow.models.xcom import XComModel
from airflow.triggers.base import TriggerEvent
from airflow.utils.state import TaskInstanceState
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from slipway.apiserver.questions import ApprovalAnswer, ApprovalQuestion, Given
from slipway.flow.approval import (
    APPROVAL,
    APPROVE_TASK,
    REJECT,
    RELEASE_TASK,
    SLIPWAY,
    SUPERSEDED,
    ApprovalRequest,
)
from slipway.flow.environments import ROLE
from slipway.flow.push import first_name
from slipway.flow.turns import Contender, TurnPlace

PARKED = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)
WAITING = (*PARKED, TaskInstanceState.RUNNING)
"""A task that runs is about to wait: it has asked already."""


def claim(session: Session, question: ApprovalQuestion) -> ApprovalAnswer:
    """Let a run be the one that is asked about, unless a newer push waits; older ones are answered for.

    Before its question is on record, say only whether an earlier try's was answered.
    """
    if not question.asked:
        return ApprovalAnswer(given=_given(session, question))
    mine, waiting = question.mine, list(_waiting(session, question))
    newer = max((other for other, _ in waiting if other.at > mine.at), key=lambda one: one.at, default=None)
    if newer is not None:
        return ApprovalAnswer(newer=newer)
    ended = [other for other, task in waiting if _answered_for(session, task, mine)]
    return ApprovalAnswer(ended=tuple(ended), unknown=tuple(_assign(session, question)))


def _given(session: Session, question: ApprovalQuestion) -> Given | None:
    """Return the answer to an earlier try, and write it down for this one.

    Airflow 3.3.2 takes a task for killed that is answered before the scheduler has heard that its process
    ended, and tries it again without the answer: a task that ran again by then has a history, and one that
    was about to has none, and its record still has the answer. After a person cleared the task, both have
    what was answered before, too, which counts no more.
    """
    own, earlier = _own(session, question.mine), _answered(session, question.mine)
    before = {one.responded_at for number, one in earlier if number <= question.after_try}
    if own is not None and own.response_received and own.responded_at not in before:
        return _as_given(own)
    for number, one in earlier:
        if number > question.after_try:
            if own is not None:
                for column in ("responded_at", "responded_by", "chosen_options", "params_input"):
                    setattr(own, column, getattr(one, column))
            return _as_given(one)
    return None


def _answered(session: Session, mine: Contender) -> list[tuple[int, HITLDetailHistory]]:
    """Return what was answered to earlier tries, with their numbers, the last one first."""
    tries = TaskInstanceHistory
    query = (
        select(tries.try_number, HITLDetailHistory)
        .join(tries, tries.task_instance_id == HITLDetailHistory.ti_history_id)
        .where(tries.dag_id == mine.dag_id, tries.run_id == mine.run_id, tries.task_id == APPROVE_TASK)
        .where(HITLDetailHistory.responded_at.is_not(None))
        .order_by(tries.try_number.desc())
    )
    return [(number, detail) for number, detail in session.execute(query)]


def _as_given(detail: HITLDetail | HITLDetailHistory) -> Given:
    return Given(
        chosen=tuple(detail.chosen_options or ()),
        by=detail.responded_by,
        at=detail.responded_at,
        beside=detail.params_input or {},
    )


def _own(session: Session, mine: Contender) -> HITLDetail | None:
    query = select(HITLDetail).join(TaskInstance, HITLDetail.ti_id == TaskInstance.id)
    run = (TaskInstance.dag_id == mine.dag_id, TaskInstance.run_id == mine.run_id)
    found: HITLDetail | None = session.scalar(query.where(*run, TaskInstance.task_id == APPROVE_TASK))
    return found


def _waiting(session: Session, question: ApprovalQuestion) -> Iterator[tuple[Contender, TaskInstance]]:
    """Yield the other runs that wait for the same place, with the tasks that do."""
    asked = (XComModel.task_id == RELEASE_TASK) & (XComModel.key == APPROVAL)
    query = (
        select(TaskInstance, XComModel.value)
        .join(
            XComModel, (XComModel.dag_id == TaskInstance.dag_id) & (XComModel.run_id == TaskInstance.run_id)
        )
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(
            TaskInstance.dag_id == question.mine.dag_id,
            TaskInstance.task_id == APPROVE_TASK,
            TaskInstance.run_id != question.mine.run_id,
            TaskInstance.state.in_(WAITING),
            HITLDetail.responded_at.is_(None),
            asked,
        )
    )
    for task, value in session.execute(query):
        request = ApprovalRequest.from_json(value)
        if _place(request).key == question.place.key:
            push = request.push
            yield Contender(dag_id=task.dag_id, run_id=task.run_id, commit=push.commit, at=push.at), task


def _place(request: ApprovalRequest) -> TurnPlace:
    return TurnPlace(
        repository=first_name(request.push, request.names),
        application=request.application,
        environment=request.environment,
    )


def _answered_for(session: Session, task: TaskInstance, by: Contender) -> bool:
    """Answer that ``by`` has taken a waiting task's place, unless a person answers in this moment.

    The locks are taken in the order in which Airflow takes them: the task's first.
    """
    locked = session.get(TaskInstance, task.id, with_for_update={"of": TaskInstance}, populate_existing=True)
    query = select(HITLDetail).where(HITLDetail.ti_id == task.id).with_for_update(of=HITLDetail)
    detail = session.scalar(query.execution_options(populate_existing=True))
    if locked is None or detail is None or detail.response_received or locked.state not in WAITING:
        return False
    detail.responded_by = SLIPWAY
    detail.responded_at = datetime.now(UTC)
    detail.chosen_options = [REJECT]
    detail.params_input = {SUPERSEDED: f"{by.commit[:12]} (run {by.run_id})"}
    session.flush()
    if locked.state in PARKED:  # one that is about to wait finds the answer when it does
        event = TriggerEvent(detail.as_resume_event_payload())
        handle_event_submit(event, task_instance=locked, session=session)
    return True


def _assign(session: Session, question: ApprovalQuestion) -> list[str]:
    """Permit the answers of the environment's users, by id; returns names that Airflow does not know.

    Airflow's own manager of users with a database names them by numbers; to others a name is the id.
    """
    mine, by = question.mine, question.by
    if not by or not conf.get("core", "auth_manager").endswith("FabAuthManager"):
        return [name for name in by if name.startswith(ROLE)]
    users, unknown = _people(session, by)
    if users and (detail := _own(session, mine)) is not None:
        detail.assignees = users
    return unknown


def _people(session: Session, by: Sequence[str]) -> tuple[list[dict[str, str]], list[str]]:
    from airflow.providers.fab.auth_manager.models import Role, User

    roles = {name.removeprefix(ROLE) for name in by if name.startswith(ROLE)}
    wanted = or_(User.username.in_(by), User.roles.any(Role.name.in_(roles)))
    found: list[Any] = list(session.scalars(select(User).where(wanted)))
    names = {user.username for user in found} | {
        f"{ROLE}{role.name}" for user in found for role in user.roles
    }
    users = [{"id": str(user.id), "name": str(user.username)} for user in found]
    return users, [name for name in by if name not in names]
