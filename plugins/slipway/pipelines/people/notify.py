"""The tasks of ``notify``: what is reported of a run that has ended, and to whom."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import AwareDatetime

from slipway.assets import OUTCOME
from slipway.config import load_apps
from slipway.dagkit.links import run_page
from slipway.flow import telling
from slipway.flow.apps import Application
from slipway.flow.ended import LOST, Account, Ended
from slipway.flow.incident import Incident, labels_over
from slipway.flow.message import Message
from slipway.flow.record import Record, SlipwayError, TransientError
from slipway.listeners.account import KEY
from slipway.notices.channels import CHANNELS, NoticeChannel
from slipway.notices.errors import sending
from slipway.pipelines.task_endings import NothingToDo

log = logging.getLogger(__name__)

TRIES_FOR_WORD = 3
"""How often a failed task's word is looked for: it is left just after the task is known to have failed."""


class Store(Protocol):
    """Airflow's store of an asset's state: JSON by key."""

    def get(self, key: str) -> Any:
        """Return what is kept, or None."""

    def set(self, key: str, value: Any) -> None:
        """Keep it."""


class Told(Record):
    """What is reported."""

    ended: Ended
    at: AwareDatetime
    """When it was known."""
    account: Account
    """Of the failure, or of the one that is over."""

    @property
    def incident(self) -> Incident:
        """What failed; or what is over."""
        return Incident(self.ended.over or self.ended, self.account)

    @property
    def link(self) -> str:
        """The page of the run."""
        return run_page(self.ended.dag_id, self.ended.run_id)

    @property
    def message(self) -> Message:
        """What people read."""
        if self.ended.good:
            return telling.recovery(self.ended, self.link)
        return telling.failure(self.incident, self.link)


def gather(context: Mapping[str, Any]) -> Told:
    """Collect what is reported: how the run ended, and what its failed task said.

    :raises TransientError: when the task has not left its word yet.
    :raises SlipwayError: when the run was not started by an outcome.
    """
    events = list(context["triggering_asset_events"].get(OUTCOME, ()))
    if not events:
        raise SlipwayError(
            "this DAG is started when another run ends; without one there is nothing to report."
        )
    ended = Ended.from_json(events[-1].extra["ended"])
    failure, ti = ended.over or ended, context["ti"]
    account = LOST
    if failure.failed:
        said = ti.xcom_pull(
            dag_id=failure.dag_id, run_id=failure.run_id, task_ids=failure.failed[0].task_id, key=KEY
        )
        if said is None and ti.try_number < TRIES_FOR_WORD and not ended.good:
            raise TransientError(f"{failure.failed[0].task_id} has not yet reported why it failed")
        account = Account.from_json(said) if said else LOST
    return Told(ended=ended, at=events[-1].timestamp, account=account)


def idle(told: Told) -> tuple[str, ...]:
    """Return the tasks that have nothing to do."""
    app = load_apps().get(told.ended.repository)
    occasion = "recovery" if told.ended.good else "failure"
    notify = app.notify if app.notify and occasion in app.notify.on else None
    wanted = {channel.name: notify and channel.audience(notify) for channel in CHANNELS}
    return tuple(task for task, configured in {"ticket": app.tickets, **wanted}.items() if not configured)


def ticket(told: Told, store: Store) -> None:
    """Open an issue, comment on it, or close it.

    :param store: the latest that was reported under each key.
    :raises NothingToDo: when the opposite was reported since: this run was late, Jira may have been away.
    """
    from slipway.jira.hook import CONNECTION, get_client
    from slipway.jira.tickets import Board

    key, last = told.ended.key, store.get(told.ended.key)
    is_late = last is not None and datetime.fromisoformat(last["at"]) > told.at
    if is_late and last["good"] != told.ended.good:
        raise NothingToDo("a later run with the opposite outcome was already reported")
    tickets = _app(told).tickets
    assert tickets is not None  # or this task is skipped
    _write(Board(_connected(CONNECTION, get_client), tickets), told)
    if not is_late:
        store.set(key, {"at": told.at.isoformat(), "good": told.ended.good})


def _write(board: Any, told: Told) -> None:
    from slipway.jira.markup import markup

    text, incident = markup(told.message), told.incident
    if not told.ended.good:
        board.tell(incident.label, incident.labels, incident.title, text, told.link)
        return
    for label in labels_over(told.ended):
        board.close(label, text, told.link)


def tell(channel: NoticeChannel, told: Told, context: Any) -> None:
    """Send it by one channel."""
    notify = _app(told).notify
    assert notify is not None  # or this task is skipped
    with sending(channel):
        channel.notifier(told.message, channel.audience(notify)).notify(context)


def _app(told: Told) -> Application:
    return load_apps().get(told.ended.repository)


def _connected(connection: str, connect: Callable[[], Any]) -> Any:
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return connect()
    except AirflowNotFoundException as error:
        raise SlipwayError(
            f"apps.yaml asks for tickets, but there is no connection {connection}. Create it."
        ) from error
