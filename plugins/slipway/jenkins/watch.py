"""Follows a build from the queue to its end, by polling; Jenkins may be down meanwhile."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime

from slipway.flow.record import Record
from slipway.jenkins.builds import BuildState, RequestPlace, find, get_build, get_item
from slipway.jenkins.console import BuildConsole
from slipway.jenkins.errors import MissingError, TransientJenkinsError
from slipway.jenkins.server import JenkinsServer

log = logging.getLogger(__name__)

AWAY = timedelta(minutes=10)
"""How long a Jenkins that does not answer is waited for."""


class JenkinsWatch(Record):
    """What is followed."""

    job: str
    own: str
    """The value of ``SLIPWAY_BUILD``."""
    deadline: AwareDatetime
    place: RequestPlace = RequestPlace()
    """Where it was last; nowhere when Jenkins did not answer so far."""


RequestState = Literal["ended", "absent", "cancelled", "late", "failed"]
"""``absent``: Jenkins knows of no such request (any more)."""


class JenkinsOutcome(Record):
    """How it ended."""

    state: RequestState
    deadline: AwareDatetime
    """The watch's."""
    build: BuildState | None = None
    tail: str = ""
    """The last lines of its console."""
    reason: str = ""


class BuildFollower:
    """Follows one request for a build; logs new lines of its console."""

    def __init__(self, server: JenkinsServer, watch: JenkinsWatch, away: timedelta = AWAY) -> None:
        self._server = server
        self._watch = watch
        self._place = watch.place
        self._away = away
        self._away_since: datetime | None = None
        self._console: BuildConsole | None = None

    def look(self) -> JenkinsOutcome | None:
        """Return the outcome once there is one.

        :raises JenkinsError: when Jenkins refuses to tell.
        """
        now = datetime.now(UTC)
        try:
            outcome = self._look()
        except TransientJenkinsError as error:
            return self._wait(now, error)
        if self._away_since is not None:
            log.info("Jenkins answers again")
            self._away_since = None
        if outcome is None and now > self._watch.deadline:
            return self._outcome("late")
        return outcome

    def _look(self) -> JenkinsOutcome | None:
        place = self._place
        if place.number is None and place.item is not None:
            # An item that is forgotten became a build, or was lost with a Jenkins that crashed.
            place = get_item(self._server, place.item) or self._find()
        elif place.number is None:
            place = self._find()
        if place == RequestPlace():
            return self._outcome("absent")
        if place.cancelled:
            return self._outcome("cancelled")
        if place.number is None:
            self._say_why(place)
        self._place = place
        return None if place.number is None else self._follow(place.number)

    def _find(self) -> RequestPlace:
        return find(self._server, self._watch.job, self._watch.own) or RequestPlace()

    def _follow(self, number: int) -> JenkinsOutcome | None:
        try:
            build = get_build(self._server, self._watch.job, number)
        except MissingError:
            return self._outcome("absent")
        if self._console is None:
            log.info("Jenkins builds: %s", build.url)
            self._console = BuildConsole(self._server, self._watch.job, number)
        for line in self._console.more(ended=not build.building):
            log.info("  %s", line)
        if build.building:
            return None
        log.info("build %d of %s has ended: %s", number, self._watch.job, build.result)
        return self._outcome("ended", build=build, tail="\n".join(self._console.tail))

    def _say_why(self, place: RequestPlace) -> None:
        before, now = self._place.why.partition(".")[0], place.why.partition(".")[0]  # its seconds change
        if now and now != before:
            log.info("in Jenkins' queue as item %s: %s", place.item, place.why)

    def _wait(self, now: datetime, error: TransientJenkinsError) -> JenkinsOutcome | None:
        if self._away_since is None:
            self._away_since = now
            log.warning("%s; waiting until it answers again", error)
        if now - self._away_since < self._away:
            return None
        minutes = int(self._away.total_seconds() // 60)
        reason = (
            f"Jenkins has not answered for {minutes} minutes: {error}. Check Jenkins and the URL of "
            "connection slipway_jenkins; then start the run again."
        )
        return self._outcome("failed", reason=reason)

    def _outcome(self, state: RequestState, **fields: Any) -> JenkinsOutcome:
        return JenkinsOutcome(state=state, deadline=self._watch.deadline, **fields)
