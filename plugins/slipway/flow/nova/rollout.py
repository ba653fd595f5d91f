"""Brings a release's servers up, so that never fewer serve than were promised.

The servers of an index are replaced one after the other: the new one is made, asked for its health, given
the floating IP or the traffic, and only then the old one is shut off (``rolling``), or left as it is
(``blue_green``).
Servers of the last good release are never deleted here: they are what can be gone back to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from slipway.flow.nova.leading import led
from slipway.flow.nova.marks import claim_of
from slipway.flow.nova.observed import Server, View, best, refuse_older_than
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.spec import ServerHealth
from slipway.flow.nova.steps import (
    Attach,
    Create,
    Delete,
    Do,
    Done,
    Fail,
    Order,
    Start,
    Step,
    Stop,
    Wait,
    Write,
    until,
)

RESTING = ("PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED", "RESCUE")
"""States that only a person gives to a server."""

HealthOf = Callable[[Server], ServerHealth | None]


def roll_out(plan: NovaPlan, run: str, view: View, now: datetime) -> Step:
    """Return the next step towards ``plan``.

    :raises SupersededError: when a newer push is in place or on its way.
    """
    refuse_older_than(view.servers, plan.push, run)
    ours = best(view.servers, plan.version)
    if orders := (*_doubles(plan, run, view, ours), *_claims(plan, run, ours)):
        return Do(orders)
    for batch in _batches(plan):
        if (step := _batch(plan, view, ours, batch, now)) is not None:
            return step
    mine = [ours[index] for index in range(plan.nova.count)]
    others = [one for one in view.servers if one not in mine]
    if (step := led(plan, view, mine, others, now)) is not None:
        return step
    orders = tuple(_retired(plan, view, ours, range(plan.nova.count), everything=True))
    return Do(orders) if orders else Done()


def come_up(
    servers: Sequence[Server], view: View, now: datetime, seconds: float, health: HealthOf
) -> Step | None:
    """Return what it takes until all of ``servers`` run and answer; None when they do.

    :param seconds: each may take until Nova calls it ACTIVE.
    :param health: what each must answer.
    """
    if stopped := [one for one in servers if one.is_stopped]:
        return Do(tuple(Start(one) for one in stopped))
    for one in servers:
        if reason := _problem(one, view):
            return Fail(f"server {one.name}: {reason}")
    waiting = [
        one for one in servers if not one.is_active or (health(one) and one.id not in view.seen.healthy)
    ]
    since = {one.id: now if one.is_active else max(one.created, now) for one in waiting}
    found = tuple(until(one, since[one.id], seconds, health(one)) for one in waiting)
    return Wait(found) if found else None


def _problem(server: Server, view: View) -> str:
    if server.status == "ERROR":
        return server.fault or "it is in state ERROR, and Nova gives no reason"
    if server.status in RESTING:
        return f"it was set to {server.status} by someone else. Bring it back to ACTIVE, or delete it"
    return view.seen.failed.get(server.id, "")


def attached(servers: dict[str, Server], view: View) -> tuple[Order, ...]:
    """Return the orders that give each floating IP to its server."""
    return tuple(
        Attach(address, one) for address, one in servers.items() if view.floating.get(address) != one.id
    )


def _batches(plan: NovaPlan) -> list[range]:
    count = plan.nova.count
    size = plan.nova.batch if plan.nova.strategy == "rolling" else count
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _batch(plan: NovaPlan, view: View, ours: dict[int, Server], batch: range, now: datetime) -> Step | None:
    """Return the next step of replacing the servers of these indices; None when it is done."""
    if missing := [index for index in batch if index not in ours]:
        return Do(tuple(Create(index) for index in missing))
    servers = [ours[index] for index in batch]
    step = come_up(servers, view, now, plan.nova.start_seconds, lambda _: plan.nova.health)
    if step is not None:
        return step
    addresses = {plan.floating_ip(one.mark.index): one for one in servers}
    addresses.pop("", None)
    if orders := attached(addresses, view):
        return Do(orders)
    replaced = [one for one in view.servers if one.mark.index in batch and one not in servers]
    if (step := led(plan, view, servers, replaced, now)) is not None:
        return step
    orders = tuple(_retired(plan, view, ours, batch, everything=False))
    return Do(orders) if orders else None


def _doubles(plan: NovaPlan, run: str, view: View, ours: dict[int, Server]) -> Iterator[Order]:
    """Remove second servers of one index, and what an earlier run left broken."""
    for one in view.servers:
        if one.mark.version != plan.version or one.mark.kept is not None:
            continue
        if ours[one.mark.index].id != one.id or (one.status == "ERROR" and one.mark.claim.run != run):
            yield Delete(one)


def _claims(plan: NovaPlan, run: str, ours: dict[int, Server]) -> Iterator[Order]:
    for one in ours.values():
        if one.mark.claim.run != run and one.status != "ERROR":
            yield Write(one, claim_of(plan, run).to_metadata())


def _retired(
    plan: NovaPlan, view: View, ours: dict[int, Server], batch: range, *, everything: bool
) -> Iterator[Order]:
    """Shut off the good servers that were replaced, and remove those of attempts that were given up.

    :param everything: those of indices too that the release does not have.
    """
    mine = {ours[index].id for index in ours if index < plan.nova.count}
    for one in view.servers:
        if one.id in mine or not (
            one.mark.index in batch or (everything and one.mark.index >= plan.nova.count)
        ):
            continue
        if one.mark.kept is None:
            yield Delete(one)
        elif plan.nova.strategy == "rolling" and one.is_active:
            yield Stop(one)
