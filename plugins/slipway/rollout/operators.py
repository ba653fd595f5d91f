"""The operators of every platform's branch of ``deploy``; a platform fills in the verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped
from airflow.triggers.base import BaseTrigger

from slipway.assets import DEPLOYMENTS
from slipway.dagkit.links import ObjectLink, PageLink
from slipway.flow.approval import APPROVAL, APPROVE_TASK, RELEASE_TASK
from slipway.flow.deployment import Deployment
from slipway.flow.platforms import Platform
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.release import NOTHING, ReleaseRow, SupersededError, table

if TYPE_CHECKING:
    from slipway.flow.plans import ReleasePlan
    from slipway.rollout.side import Side

REASON = "reason"
"""XCom key: why a rollout failed, or was skipped."""
ORDER = "order"
"""XCom key of ``release``: platforms that are rolled out one after the other; absent when there are none."""
Take = Callable[[Context, "ReleasePlan"], BaseTrigger | None]
"""Returns what fires when it may be the run's turn to roll a plan out; None when it is."""
HandOn = Callable[[Context, Sequence[Deployment]], None]
"""Reports the deployments of a release that is kept."""


class PlatformOperator(BaseOperator):  # type: ignore[misc]
    """The base of a platform's operators.

    :param plans: what ``release`` decided, by platform: a plan as JSON, or None.
    """

    platform: ClassVar[Platform]
    template_fields: Sequence[str] = ("plans",)

    def __init__(self, *, plans: Any, **options: Any) -> None:
        super().__init__(**options)
        self.plans = plans

    @property
    def side(self) -> Side[ReleasePlan]:
        """The platform's side of the release."""
        raise NotImplementedError

    @cached_property
    def plan(self) -> ReleasePlan:
        """The platform's plan.

        :raises AirflowSkipException: when the release has nothing for it.
        """
        from slipway.flow.plans import read_plan

        if not (plan := self.plans.get(self.platform)):
            raise AirflowSkipException(f"the release has no image for platform {self.platform}")
        return read_plan(self.platform, plan)

    def is_let_in(self, context: Context) -> bool:
        """Say whether the release was approved, when it has to be: task states alone can be set by hand."""
        ti = context["ti"]
        asked = ti.xcom_pull(task_ids=RELEASE_TASK, key=APPROVAL)
        return not asked or bool(ti.xcom_pull(task_ids=APPROVE_TASK))

    @contextmanager
    def ending(self, context: Context) -> Iterator[None]:
        """End the task as its platform's errors say: retried, skipped when superseded, or failed."""
        try:
            yield
        except TransientError:
            raise
        except SupersededError as error:
            self.log.info("%s", error)
            self._say(context, error)
            raise AirflowSkipException(str(error)) from None
        except SlipwayError as error:
            self.fail(context, str(error))

    def fail(self, context: Context, reason: str) -> NoReturn:
        """End as failed, without another try.

        :raises AirflowFailException: always.
        """
        self._say(context, reason)
        raise AirflowFailException(reason) from None

    def _say(self, context: Context, reason: object) -> None:
        context["ti"].xcom_push(key=REASON, value=str(reason))


class RolloutOperator(PlatformOperator):
    """Rolls out a platform's new version until it is healthy and serves; the previous one stays restorable.

    When the release is for this platform alone, it is kept here: there is no other to wait for, and
    a task less to start.

    Of one application and environment one release at a time is rolled out: this one waits, without a worker,
    until it is its turn, and is skipped when a newer push waits or runs.

    :param turn: asks for it.
    :param hand_on: reports what is kept.
    """

    ui_color = "#cfe3f9"
    operator_extra_links = (ObjectLink(), PageLink())

    def __init__(self, *, plans: Any, turn: Take, hand_on: HandOn, **options: Any) -> None:
        super().__init__(plans=plans, outlets=[DEPLOYMENTS], **options)
        self.turn = turn
        self.hand_on = hand_on

    def execute(self, context: Context) -> None:
        """Roll the plan out when it is its turn."""
        with self.ending(context):
            if not self.is_let_in(context):
                raise SlipwayError(
                    f"this release is not approved: task `{APPROVE_TASK}` has no answer on record. "
                    "Clear that task to ask again."
                )
            self._in_turn(context)

    def come(self, context: Context, event: Any = None) -> None:  # noqa: ARG002
        """Ask for the turn again."""
        self.execute(context)

    def _in_turn(self, context: Context) -> None:
        if trigger := self.turn(context, self.plan):
            self.defer(trigger=trigger, method_name="come")
        self._in_order(context)

    def _in_order(self, context: Context) -> None:
        from slipway.rollout.order import earlier, waiting

        order = context["ti"].xcom_pull(task_ids=RELEASE_TASK, key=ORDER) or ()
        if before := earlier(order, self.platform, self.plans):
            self.log.info("rolled out after %s", " and ".join(before))
            if trigger := waiting(context, {name: rollout_task(name) for name in before}):
                self.defer(trigger=trigger, method_name="come")
        self.roll_out(context)

    def roll_out(self, context: Context) -> None:
        """Begin the rollout; end with :meth:`healthy` or :meth:`fail`, or defer until that is known.

        :raises SlipwayError: as :class:`slipway.flow.record.SlipwayError` says what happens next.
        """
        raise NotImplementedError

    def healthy(self, context: Context) -> None:
        """End as healthy; when there is no other platform, keep the version."""
        ObjectLink().store(context, self.side.page())
        others = [name for name, other in self.plans.items() if other and name != self.platform]
        if others:
            self.log.info("healthy; kept as soon as %s is healthy too", " and ".join(others))
            return
        from slipway.rollout.keeping import keep

        kept = keep({self.platform: self.side}, context["run_id"])
        PageLink().store(context, kept[0].url)
        self.hand_on(context, kept)
        raise DownstreamTasksSkipped(tasks=[KEEP, go_back_task(self.platform)])


class GoBackOperator(PlatformOperator):
    """Restores on one platform what ran before this run, and reports the state then.

    It works from what the platform itself keeps, so it may be started at any time; where a newer push took
    over, nothing is touched and it is skipped.

    :param mark: says of the plan's image that the run took it back.
    """

    ui_color = "#f9e2cf"

    def __init__(self, *, plans: Any, mark: Callable[[ReleasePlan, str], None], **options: Any) -> None:
        super().__init__(plans=plans, **options)
        self.mark = mark

    def execute(self, context: Context) -> None:
        """Go back."""
        with self.ending(context):
            if not self.is_let_in(context):
                raise AirflowSkipException("the release was refused: nothing was rolled out")
            self.go_back(context)

    def go_back(self, context: Context) -> None:
        """Begin; end with :meth:`back` or :meth:`fail`, or defer until that is known."""
        raise NotImplementedError

    def back(self, context: Context) -> None:
        """End: the previous version is restored and serves, or there was none and nothing remains.

        The image that was tried stays, marked.
        """
        before = self.side.before(context["run_id"])
        now = "nothing of it remains" if before == NOTHING else f"{before}, healthy"
        row = ReleaseRow(platform=self.platform, before=before, tried=self.side.tried(), now=now)
        self.log.info("the release failed:\n%s", table([row]))
        if before == NOTHING:
            self.log.info("There was no previous version; nothing of this one remains")
        else:
            self.log.info("The previous version was restored and serves")
        self.mark(self.plan, context["run_id"])


KEEP = "keep"


def rollout_task(platform: str) -> str:
    """Return the id of a platform's rollout."""
    return f"{platform}.rollout"


def go_back_task(platform: str) -> str:
    """Return the id of the task that brings a platform back."""
    return f"{platform}.go_back"
