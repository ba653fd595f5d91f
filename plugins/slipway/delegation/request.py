"""One request for a Jenkins build: made at most once for each run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from slipway.flow.jenkins import FinishedBuild, JenkinsJob
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.jenkins.builds import OWN, RequestPlace, cancel, find, get_job, start
from slipway.jenkins.errors import JenkinsError, TransientJenkinsError
from slipway.jenkins.server import JenkinsServer
from slipway.jenkins.submission import submission
from slipway.jenkins.verdict import finished
from slipway.jenkins.watch import JenkinsOutcome, JenkinsWatch

log = logging.getLogger(__name__)

EVENT = "jenkins_build"
"""Webhook event by which a build reports its end."""
_OVERLAP = timedelta(minutes=1)


class JenkinsRequest(Record):
    """What is asked for."""

    wanted: JenkinsJob
    push: PushEvent
    own: str
    """The value of ``SLIPWAY_BUILD``: this run's, and no other's."""
    page: str
    """Where people see the run."""
    deadline: datetime

    @property
    def told(self) -> dict[str, str]:
        """The parameters that Slipway gives to a job that declares them."""
        return {
            OWN: self.own,
            "SLIPWAY_REPOSITORY": self.push.repository,
            "SLIPWAY_REF": self.push.ref,
            "SLIPWAY_COMMIT": self.push.commit,
            "SLIPWAY_RUN": self.page,
        }


def deadline_of(wanted: JenkinsJob, now: datetime) -> datetime:
    """Return the deadline of a build that is requested now."""
    return now + timedelta(seconds=wanted.build_seconds)


def request_of(
    context: Mapping[str, Any], wanted: JenkinsJob, push: PushEvent, deadline: datetime
) -> JenkinsRequest:
    """Return the request of a task.

    Its own value is the same in every retry. It is another one when a person clears the task, who wants a
    new build: Airflow raises ``max_tries`` then, by the tries that there were.

    :param context: Airflow's.
    """
    ti = context["ti"]
    installation, cleared = ti.log_url.partition("/dags/")[0], ti.max_tries - ti.task.retries
    about = [installation, context["run_id"], push.commit, wanted.job, cleared]
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    return JenkinsRequest(wanted=wanted, push=push, own=digest[:32], page=ti.log_url, deadline=deadline)


def begin(server: JenkinsServer, request: JenkinsRequest) -> RequestPlace:
    """Ask for the build, unless it is asked for already; returns where it is.

    :return: nowhere, when Jenkins does not answer: whoever watches finds out.
    :raises JenkinsError: when the job cannot be built so.
    """
    job = request.wanted.job
    try:
        if (place := find(server, job, request.own)) is not None:
            log.info("the build of %s was already requested; resuming", job)
            return place
        parameters = submission(request.wanted, get_job(server, job), request.told)
        item = start(server, job, parameters)
    except TransientJenkinsError as error:
        log.warning("%s; waiting for an answer", error)
        return RequestPlace()
    log.info("requested a build of %s from Jenkins: queue item %d, %s=%s", job, item, OWN, request.own)
    return RequestPlace(item=item)


def watch_of(request: JenkinsRequest, place: RequestPlace) -> JenkinsWatch:
    """Return what the triggerer is to follow."""
    return JenkinsWatch(job=request.wanted.job, own=request.own, deadline=request.deadline, place=place)


def news_of(request: JenkinsRequest, now: datetime) -> dict[str, Any]:
    """Return the search for the delivery that reports the build's end."""
    return {
        "event": EVENT,
        "since": (now - _OVERLAP).isoformat(),
        "match": {f"build.parameters.{OWN}": request.own},
    }


def conclude(
    server: JenkinsServer, request: JenkinsRequest, outcome: JenkinsOutcome, now: datetime
) -> FinishedBuild | None:
    """Return the build, or None when it must be requested again.

    :raises JenkinsError: when nothing will come of it; what still runs is aborted.
    """
    job = request.wanted.job
    state = "late" if outcome.state == "absent" and now > request.deadline else outcome.state
    match state:
        case "ended":
            assert outcome.build is not None
            return finished(outcome.build, request.wanted, outcome.tail)
        case "absent":
            log.warning("Jenkins has no build of %s for this run; requesting one", job)
            return None
        case "cancelled":
            raise JenkinsError(
                f"the request for a build of {job} was cancelled in Jenkins' queue before it started. Start "
                "the run again to request a new one."
            )
        case "late":
            cancel(server, job, request.own)
            raise JenkinsError(
                f"the build of {job} took longer than build.jenkins.build_seconds allows "
                f"({request.wanted.build_seconds}, including its time in the queue), and was aborted. Raise "
                "it in slipway.yaml, or make the job faster."
            )
        case _:
            raise JenkinsError(outcome.reason)
