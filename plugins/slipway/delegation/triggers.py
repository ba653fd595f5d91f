"""Waits for a build of Jenkins in the triggerer, where its console is logged as it grows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.flow.record import SlipwayError
from slipway.jenkins.builds import RequestPlace, cancel
from slipway.jenkins.hook import JenkinsHook
from slipway.jenkins.server import JenkinsServer
from slipway.jenkins.watch import AWAY, BuildFollower, JenkinsOutcome, JenkinsWatch
from slipway.webhook.triggers import DeliveryTrigger

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
NOTIFIED_SECONDS = 30.0
"""Between two looks when the build itself says that it ended: for its console, and in case it does not."""


class JenkinsTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires with a :class:`slipway.jenkins.watch.JenkinsOutcome` as JSON.

    :param watch: a :class:`slipway.jenkins.watch.JenkinsWatch` as JSON.
    :param conn_id: of Jenkins.
    :param news: fields of a :class:`slipway.webhook.triggers.DeliveryTrigger`, when the build notifies.
    :param away_seconds: how long a Jenkins that does not answer is waited for.
    """

    def __init__(
        self,
        watch: dict[str, Any],
        conn_id: str = JenkinsHook.default_conn_name,
        news: dict[str, Any] | None = None,
        away_seconds: float = AWAY.total_seconds(),
    ) -> None:
        super().__init__()
        self.watch = watch
        self.conn_id = conn_id
        self.news = news
        self.away_seconds = away_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("watch", "conn_id", "news", "away_seconds")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the build; an error fires as a failure."""
        watch = JenkinsWatch.from_json(self.watch)
        if watch.place == RequestPlace():  # whoever asked for it was not answered just now
            await asyncio.sleep(POLL_SECONDS)
        try:
            follower = BuildFollower(await self._server(), watch, timedelta(seconds=self.away_seconds))
            outcome = await self._follow(follower)
        except SlipwayError as error:
            outcome = JenkinsOutcome(state="failed", deadline=watch.deadline, reason=str(error))
        yield TriggerEvent(outcome.to_json())

    async def on_kill(self) -> None:
        """Abort the build: the task was stopped."""
        watch = JenkinsWatch.from_json(self.watch)
        if await asyncio.to_thread(cancel, await self._server(), watch.job, watch.own):
            log.info("the build of %s is aborted", watch.job)

    async def _server(self) -> JenkinsServer:
        hook = JenkinsHook(self.conn_id)
        return hook.connect(await hook.aget_connection(self.conn_id))

    async def _follow(self, follower: BuildFollower) -> JenkinsOutcome:
        news = asyncio.create_task(self._told()) if self.news else None
        try:
            # The client blocks: this is where it enters asynchronous code.
            while (outcome := await asyncio.to_thread(follower.look)) is None:
                if news is not None and not news.done():
                    await asyncio.wait({news}, timeout=NOTIFIED_SECONDS)
                else:
                    await asyncio.sleep(POLL_SECONDS)
            return outcome
        finally:
            if news is not None:
                news.cancel()
                await asyncio.gather(news, return_exceptions=True)

    async def _told(self) -> None:
        """Wait for the delivery that reports the build's end."""
        assert self.news is not None
        async for event in DeliveryTrigger(**self.news).run():
            if error := event.payload.get("error"):
                log.warning("build notification unavailable (%s); polling instead", error)
