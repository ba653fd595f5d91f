"""The task that has Jenkins build before the image is built; while it waits it has no worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from slipway.dagkit.links import JenkinsLink
from slipway.pipelines.task_endings import retried_if_worth_it

if TYPE_CHECKING:  # a DAG file is read without them
    from slipway.delegation.request import JenkinsRequest
    from slipway.flow.jenkins import JenkinsJob
    from slipway.flow.push import PushEvent
    from slipway.jenkins.server import JenkinsServer


class JenkinsBuildOperator(BaseOperator):  # type: ignore[misc]
    """Lets a Jenkins job build a commit, and returns the build once it has succeeded.

    It asks once: a retry finds the build of the try before it by a parameter that is this run's alone. A
    task that is ended aborts its build.

    :param resolved: a :class:`slipway.pipelines.images.container_image.ResolvedContainer` as JSON, whose
        spec names the job.
    :param conn_id: of Jenkins.
    """

    template_fields: Sequence[str] = ("resolved",)
    ui_color = "#f6e0c8"
    operator_extra_links = (JenkinsLink(),)

    def __init__(self, *, resolved: Any, conn_id: str = "slipway_jenkins", **options: Any) -> None:
        super().__init__(**options)
        self.resolved = resolved
        self.conn_id = conn_id
        self._asked: JenkinsRequest | None = None

    def execute(self, context: Context) -> None:
        """Ask for the build, and hand the waiting to the triggerer."""
        with retried_if_worth_it():
            from slipway.delegation.request import deadline_of

            wanted, _ = self._wanted()
            self._begin(context, deadline_of(wanted, datetime.now(UTC)))

    def resume(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the build, or go on when Jenkins lost it."""
        with retried_if_worth_it():
            from slipway.delegation.request import conclude
            from slipway.jenkins.watch import JenkinsOutcome

            outcome = JenkinsOutcome.from_json(event)
            if outcome.build is not None:
                JenkinsLink().store(context, outcome.build.url)
            request = self._request(context, outcome.deadline)
            found = conclude(self._server(), request, outcome, datetime.now(UTC))
            if found is None:
                self._begin(context, outcome.deadline)
            assert found is not None  # to begin defers
            return found.to_json()

    def on_kill(self) -> None:
        """Abort the build."""
        from slipway.jenkins.builds import cancel

        if self._asked is not None and cancel(self._server(), self._asked.wanted.job, self._asked.own):
            self.log.info("the build of %s is aborted", self._asked.wanted.job)

    def _wanted(self) -> tuple[JenkinsJob, PushEvent]:
        from slipway.pipelines.images.container_image import ResolvedContainer

        plan = ResolvedContainer.from_json(self.resolved).plan
        assert plan.spec.build.jenkins is not None  # or this task is skipped
        return plan.spec.build.jenkins, plan.push

    def _request(self, context: Context, deadline: datetime) -> JenkinsRequest:
        from slipway.delegation.request import request_of

        self._asked = request_of(context, *self._wanted(), deadline)
        return self._asked

    def _begin(self, context: Context, deadline: datetime) -> None:
        from slipway.delegation.request import begin, news_of, watch_of
        from slipway.delegation.triggers import JenkinsTrigger
        from slipway.webhook.sensors import server_url

        request, server, news = self._request(context, deadline), self._server(), None
        if server.notifies:
            search = news_of(request, datetime.now(UTC))
            news = {"url": server_url(), "search": search, "poll_seconds": 2.0}
        watch = watch_of(request, begin(server, request)).to_json()
        self.defer(trigger=JenkinsTrigger(watch=watch, conn_id=self.conn_id, news=news), method_name="resume")

    def _server(self) -> JenkinsServer:
        from slipway.jenkins.hook import JenkinsHook

        return JenkinsHook(self.conn_id).get_conn()
