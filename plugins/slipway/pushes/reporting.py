"""Takes down how far a push has come, and starts what follows: pipelines, then ``deploy``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.platforms import PIPELINES, Platform
from slipway.flow.push_progress import PlatformProgress, PushOutcome, PushProgress, PushStep, next_step
from slipway.flow.recorded import RecordedPush
from slipway.pushes import store
from slipway.pushes.starting import start

log = logging.getLogger(__name__)

DAGS: Mapping[str, Platform] = {dag_id: name for name, dag_id in PIPELINES.items()}


def looked(session: Session, key: str, progress: PushProgress) -> RecordedPush | None:
    """Take down what is to become of each platform, and start the pipelines that have something to build.

    :param progress: ``building`` for a platform that is to be built.
    :return: None when there is no such push.
    :raises NotReadyError: when a pipeline takes no runs now; nothing is to be committed then.
    """
    one = store.find(session, key, lock=True)
    if one is None:
        return None
    if one.state != "looking" and not (one.outcome == "failed" and not one.progress):
        return one  # a task that is tried again, or was cleared: the pipelines have begun
    return _go_on(session, one, progress)


def built(session: Session, key: str, platform: Platform, known: PlatformProgress) -> RecordedPush | None:
    """Take down the end of a pipeline.

    :return: None when there is no such push.
    :raises NotReadyError: when ``deploy`` takes no runs now; nothing is to be committed then.
    """
    one = store.find(session, key, lock=True)
    if one is None or platform not in one.progress:
        return one
    before = one.progress[platform]
    if before.state == "done" or (before.state == "failed" and known.state == "failed"):
        return one
    return _go_on(session, one, {**one.progress, platform: known})


def ended(session: Session, key: str, outcome: PushOutcome, reason: str) -> RecordedPush | None:
    """Take down the end of a push: its commit could not be looked at, it was superseded, or is deployed.

    :return: None when there is no such push.
    """
    one = store.find(session, key, lock=True)
    if one is None:
        return None
    return _save(session, one, one.progress, PushStep(state="over", outcome=outcome, reason=reason))


def run_ended(session: Session, dag_id: str, key: str, *, good: bool, deployed: bool, said: str) -> None:
    """Take down the end of a run, which its tasks may have been unable to report.

    :param deployed: it put something into place.
    :param said: its outcome in one line.
    """
    one = store.find(session, key)
    if one is None:
        return
    if platform := DAGS.get(dag_id):
        known = one.progress.get(platform)
        if not good or (known and known.state == "building"):
            reason = said or "it ended without an image"
            built(session, key, platform, PlatformProgress(state="failed", reason=reason))
    elif dag_id == PUSH and one.state == "looking":
        ended(session, key, "failed", f"{PUSH}: {said or 'its commit was not looked at'}")
    elif dag_id == DEPLOY:
        outcome: PushOutcome = "failed" if not good else "deployed" if deployed else "not deployed"
        ended(session, key, outcome, f"{DEPLOY}: {said}" if said else "")


def _go_on(session: Session, one: RecordedPush, progress: PushProgress) -> RecordedPush:
    step = next_step(one.push, progress, one.deploy)
    saved = _save(session, one, progress, step)
    if step.state == "building":
        for platform, known in progress.items():
            if known.state == "building":
                start(session, PIPELINES[platform], saved)
    if step.state == "deploying":
        start(session, DEPLOY, saved)
    return saved


def _save(session: Session, one: RecordedPush, progress: PushProgress, step: PushStep) -> RecordedPush:
    log.info("push %s: %s %s %s", one.id, step.state, step.outcome, step.reason)
    return store.save(session, one, progress, step, datetime.now(UTC))
