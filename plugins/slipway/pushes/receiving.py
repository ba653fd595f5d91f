"""Records a push that somebody reports, and starts the run that looks at its commit."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from slipway.flow.followed import PUSH
from slipway.flow.push_id import push_id
from slipway.flow.push_progress import PushStep
from slipway.flow.recorded import Received
from slipway.flow.ref_order import Reported, place
from slipway.pushes import store
from slipway.pushes.starting import start


def receive(session: Session, reported: Reported) -> Received:
    """Record a push, and create the run that looks at its commit, unless there is nothing to do for it.

    :raises NotReadyError: when that run cannot be created now; nothing is to be committed then.
    """
    push, now = reported.push, datetime.now(UTC)
    store.lock_ref(session, push.repository, push.ref)
    known = store.of_ref(session, push)
    placed = place(reported, known)
    if placed.verdict == "known":
        same = store.find(session, placed.other.id) if placed.other else None
        assert same is not None  # it was read under the ref's lock
        return Received(push=same, placed=placed)
    number = sum((one.commit, one.rebuild) == (push.commit, push.rebuild) for one in known)
    new, step = push_id(push, number), PushStep(state="looking")
    if placed.verdict == "superseded":
        later = placed.other.commit[:12] if placed.other else "a newer commit"
        step = PushStep(state="over", outcome="superseded", reason=f"{push.ref} went on to {later}")
    recorded = store.insert(session, new, reported, placed.at, now, step)
    if step.state == "looking":
        start(session, PUSH, recorded)
    return Received(push=recorded, placed=placed)
