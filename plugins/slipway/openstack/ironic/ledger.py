"""The ledger of an application's nodes: which release is good, and which is being tried.

It is kept in ``extra`` of the application's first allocation, and goes when that goes. The decisions are
pure; the rest reads and writes. Ironic has no write that fails when another wrote meanwhile: what was
written is read again, the newest push writes its claim again, and the older one stops when it sees that.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ledger import KeptEntry, Ledger, LedgerEntry, attempt_of, refuse_others
from slipway.flow.ledger import before as before
from slipway.flow.ledger import is_good as is_good
from slipway.flow.ledger import is_mine as is_mine
from slipway.flow.ledger import settled as settled
from slipway.flow.ledger import taken_back as taken_back
from slipway.flow.property_keys import CloudKey
from slipway.flow.release import SupersededError, version
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.ironic.errors import IronicRefusedError
from slipway.openstack.ironic.ironic import Allocation, IronicClient

MAX_BYTES = 60_000
"""Of the 64 KiB that the column takes in MySQL."""
_TRIES = 5


class IronicAttempt(LedgerEntry):
    """A rollout that has begun."""

    fleet: IronicPlan

    @property
    def plan(self) -> IronicPlan:
        """The fleet."""
        return self.fleet


class IronicGood(KeptEntry[IronicAttempt]):
    """A rollout that was kept."""

    fleet: IronicPlan
    since: AwareDatetime

    @property
    def plan(self) -> IronicPlan:
        """The fleet."""
        return self.fleet

    def attempted(self) -> IronicAttempt:
        """Return the same as an attempt."""
        return IronicAttempt(run=self.run, fleet=self.fleet)


class IronicLedger(Ledger[IronicAttempt, IronicGood]):
    """One application in one environment."""


def claim(ledger: IronicLedger, attempt: IronicAttempt) -> IronicLedger:
    """Begin ``attempt``, also in the place of an older one that has not ended.

    :raises SupersededError: when a newer push runs, or is being rolled out.
    :raises IronicRefusedError: when the name is another repository's.
    """

    def taken(repository: str) -> IronicRefusedError:
        return IronicRefusedError(
            f"{attempt.fleet.application!r} in environment {attempt.fleet.environment} has nodes for "
            f"{repository}. Choose another name in slipway.yaml."
        )

    refuse_others(ledger, attempt, taken)
    return ledger if is_good(ledger, attempt.run) else ledger.model_copy(update={"attempt": attempt})


def succeeded(ledger: IronicLedger, run: str, now: datetime) -> IronicLedger:
    """Mark the attempt of ``run`` as good; the previous one stays restorable.

    :raises SupersededError: when another run took its place.
    """
    if is_good(ledger, run):
        return ledger
    good = IronicGood(run=run, fleet=mine(ledger, run), since=now)
    return IronicLedger(good=good, previous=ledger.good)


def ended(ledger: IronicLedger, run: str) -> IronicLedger:
    """Say that ``run`` tries nothing any more."""
    return ledger.model_copy(update={"attempt": None}) if is_mine(ledger, run) else ledger


def mine(ledger: IronicLedger, run: str) -> IronicPlan:
    """Return what ``run`` is rolling out.

    :raises SupersededError: when another run took its place.
    """
    return attempt_of(ledger, run).fleet


def described(fleet: IronicPlan) -> str:
    """Return a release of the application, for people."""
    return version(fleet.push.commit, fleet.image.digest)


def of(allocation: Allocation | None) -> IronicLedger:
    """Return the ledger that an allocation carries; an empty one when it has none.

    :raises OpenstackError: when it cannot be understood.
    """
    if allocation is None or CloudKey.LEDGER not in allocation.extra:
        return IronicLedger()
    try:
        return IronicLedger.from_json(
            json.loads(gzip.decompress(base64.b64decode(allocation.extra[CloudKey.LEDGER])))
        )
    except (TypeError, ValueError, OSError) as error:
        raise OpenstackError(
            f"{CloudKey.LEDGER} of allocation {allocation.name} was changed by someone else. Restore it, or "
            "undeploy the application's nodes: the next deployment is then a first one."
        ) from error


def carried(ledger: IronicLedger) -> dict[str, str]:
    """Return what an allocation carries.

    :raises OpenstackError: when it is too large.
    """
    current = ledger.attempt or ledger.good
    assert current is not None  # an allocation is somebody's
    content = json.dumps(ledger.model_dump(mode="json"), separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(content.encode(), mtime=0)).decode()
    if len(packed) > MAX_BYTES:
        raise OpenstackError(
            f"the user data of {current.fleet.application} is too large to be kept for a rollback "
            f"({len(packed)} bytes compressed, at most {MAX_BYTES}). Take large files into the image."
        )
    known = {CloudKey.RUNNING: ledger.good, CloudKey.TRYING: ledger.attempt}
    return {
        CloudKey.LEDGER: packed,
        CloudKey.APPLICATION: current.fleet.application,
        CloudKey.ENVIRONMENT: current.fleet.environment,
        CloudKey.RUN: current.run,
        **{name: described(one.fleet) for name, one in known.items() if one},
    }


def change(ironic: IronicClient, name: str, decide: Callable[[IronicLedger], IronicLedger]) -> IronicLedger:
    """Read the ledger, decide, write it if it changed; decide again when another wrote over it.

    :param name: of the first allocation, which is there.
    :raises TransientOpenstackError: when others write again and again.
    """
    for _ in range(_TRIES):
        allocation = ironic.find_allocation(name)
        if allocation is None:
            raise SupersededError(f"allocation {name} is gone, with the record of this rollout")
        known = of(allocation)
        decided = decide(known)
        if decided == known:
            return decided
        ironic.annotate(allocation.id, carried(decided))
    raise TransientOpenstackError(f"allocation {name} keeps being changed by others")
