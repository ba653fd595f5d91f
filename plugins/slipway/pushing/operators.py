"""Operators that report a push when its time has come; nothing that waits has a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from slipway.pipelines.task_endings import NothingToDo, retried_if_worth_it

PUSHED, TROUBLE = "push", "trouble"
"""XCom keys: what was pushed, or why nothing was."""
Json = dict[str, Any]


class PushOperator(BaseOperator):  # type: ignore[misc]
    """The common base: waits until a time, then reports a push or has nothing to do."""

    ui_color = "#dcefdc"

    def wait_until(self, moment: datetime) -> None:
        """Hand the waiting to the triggerer; continues with :meth:`resume`."""
        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")

    def report(self, push: Any, source: Any, *, deploy: bool = True) -> None:
        """Report a push, unless somebody did: its run of ``push`` starts.

        :raises NothingToDo: when it is on record already.
        """
        from slipway.apiserver.client import report_push
        from slipway.flow.ref_order import Reported

        received = report_push(Reported(push=push, source=source, deploy=deploy))
        if received.placed.verdict != "new":
            raise NothingToDo(received.told())
        self.log.info("%s of %s: %s", push.short_commit, push.ref, received.told())


class PushAgainOperator(PushOperator):
    """Pushes a ref's newest commit again when its turn in the night has come.

    While as many rebuilds are under way as there may be at once, it waits.

    :param turn: a :class:`slipway.flow.night.RebuildTurn` as JSON.
    """

    template_fields: Sequence[str] = ("turn",)
    BUSY = timedelta(seconds=20)

    def __init__(self, *, turn: Any, **options: Any) -> None:
        super().__init__(**options)
        self.turn = turn

    def execute(self, context: Context) -> None:
        """Wait for the turn."""
        moment = context["dag_run"].run_after + timedelta(seconds=self.turn["seconds"])
        if moment > datetime.now(UTC):
            self.wait_until(moment)
        self.resume(context)

    def resume(self, context: Context, event: Any = None) -> None:  # noqa: ARG002
        """Push, or wait for one of the others to end."""
        from slipway.flow.night import RebuildTurn
        from slipway.pipelines.upkeep import nightly_rebuild

        try:
            with retried_if_worth_it():
                night, turn = nightly_rebuild.night(context["dag_run"]), RebuildTurn.from_json(self.turn)
                push = nightly_rebuild.push_of(turn, night)
                context["ti"].xcom_push(key=PUSHED, value=push.to_json())
                busy = nightly_rebuild.is_busy(night, context["params"]["parallel"])
                if not busy:
                    self.report(push, "night", deploy=turn.deploy)
        except AirflowFailException as error:
            context["ti"].xcom_push(key=TROUBLE, value=nightly_rebuild.trouble(self.turn, str(error)))
            raise
        if busy:
            self.wait_until(datetime.now(UTC) + self.BUSY)


class SummaryOperator(BaseOperator):  # type: ignore[misc]
    """Waits until every rebuild of the night has ended, and says what came of each.

    It fails, naming them, when some did not come through.

    :param planned: task id of what returned the turns.
    :param pushed: task id of the :class:`PushAgainOperator`.
    """

    ui_color = "#f5f0d0"
    POLL = timedelta(seconds=15)

    def __init__(self, *, planned: str, pushed: str, **options: Any) -> None:
        super().__init__(**options)
        self.planned = planned
        self.pushed = pushed

    def execute(self, context: Context) -> None:
        """Look for the first time."""
        self.resume(context, since=datetime.now(UTC).isoformat(), seen=None)

    def resume(self, context: Context, event: Any = None, *, since: str, seen: Json | None) -> None:  # noqa: ARG002
        """Look; look again later while anything goes on, or has changed since the last time."""
        from slipway.pipelines.upkeep import nightly_rebuild

        with retried_if_worth_it():
            ti = context["ti"]
            if (planned := ti.xcom_pull(task_ids=self.planned)) is None:
                raise AirflowFailException(f"nothing was rebuilt: task {self.planned} failed; see its log")
            begun = nightly_rebuild.started(
                planned,
                _all(ti.xcom_pull(task_ids=self.pushed, key=PUSHED)),
                _all(ti.xcom_pull(task_ids=self.pushed, key=TROUBLE)),
            )
            found = nightly_rebuild.look(begun)
            waited = datetime.now(UTC) - datetime.fromisoformat(since)
            state = {key: value.to_json() for key, value in found.items()}
            again = nightly_rebuild.goes_on(begun, found, waited) or state != seen
        if again and begun:
            self.defer(
                trigger=DateTimeTrigger(moment=datetime.now(UTC) + self.POLL),
                method_name="resume",
                kwargs={"since": since, "seen": state},
            )
        with retried_if_worth_it():
            nightly_rebuild.conclude(begun, found)


class PushMissingOperator(PushOperator):
    """Pushes what never arrived, when it still has not after a grace period.

    :param missing: a :class:`slipway.flow.push.PushEvent` as JSON.
    """

    template_fields: Sequence[str] = ("missing",)

    def __init__(self, *, missing: Any, **options: Any) -> None:
        super().__init__(**options)
        self.missing = missing

    def execute(self, context: Context) -> None:
        """Give the webhook a last chance."""
        grace = timedelta(minutes=context["params"]["grace_minutes"])
        if grace:
            self.wait_until(datetime.now(UTC) + grace)
        self.resume(context)

    def resume(self, context: Context, event: Any = None) -> None:  # noqa: ARG002
        """Push it, unless it came meanwhile or the ref went on."""
        with retried_if_worth_it():
            from slipway.flow.push import PushEvent
            from slipway.pipelines.upkeep import reconcile_pushes

            push = reconcile_pushes.still_missing(PushEvent.from_json(self.missing))
            self.report(push, "sweep")


def _all(pulled: Any) -> list[Any]:
    """Return what the mapped tasks left, as a list: those that left nothing are not in it."""
    if pulled is None:
        return []
    values = [pulled] if isinstance(pulled, Mapping) else list(pulled)
    return [value for value in values if value is not None]
