"""How a release's servers end: kept, cleared of what was before, or gone back from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from slipway.flow.nova.leading import led_back, taken_out
from slipway.flow.nova.marks import KeptRelease, claim_of, how, read_health, written
from slipway.flow.nova.observed import Server, View, best, kept_but_for, refuse_older_than
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.rollout import attached, come_up
from slipway.flow.nova.steps import Delete, Do, Done, Fail, Order, Step, Wait, Write, until_stopped
from slipway.flow.property_keys import CloudKey
from slipway.flow.record import SlipwayError

STOP_SECONDS, WITHIN_SECONDS = 300, 60


def keep(plan: NovaPlan, run: str, view: View, now: datetime) -> tuple[Order, ...]:
    """Return the orders that keep what ``run`` rolled out; none when it is kept.

    :raises SupersededError: when a newer push took its place.
    :raises SlipwayError: when a server is gone.
    """
    refuse_older_than(view.servers, plan.push, run)
    ours = best(view.servers, plan.version)
    if missing := [index for index in range(plan.nova.count) if index not in ours]:
        raise SlipwayError(f"server {plan.name(missing[0])} is gone: it was deleted during the release")
    return tuple(
        _kept(plan, run, ours[index], now)
        for index in range(plan.nova.count)
        if not is_kept(ours[index], run)
    )


def is_kept(server: Server, run: str) -> bool:
    """Say whether a server is kept for ``run``."""
    return server.mark.kept is not None and server.mark.kept.claim.run == run


def clear(plan: NovaPlan, run: str, view: View) -> tuple[Order, ...]:
    """Return the orders that remove what nothing needs, now that ``run`` is kept."""
    ours = best(view.servers, plan.version)
    stay = {ours[index].id for index in range(plan.nova.count) if index in ours and is_kept(ours[index], run)}
    if len(stay) < plan.nova.count:
        return ()  # a newer push keeps others
    return tuple(order for one in view.servers for order in _cleared(plan, one, stays=one.id in stay))


def go_back(plan: NovaPlan, run: str, view: View, now: datetime) -> Step:
    """Return the next step back to what was good before ``run``; what ``run`` made is removed at the end.

    :raises SupersededError: when a newer push took over; what ``run`` alone made is removed before.
    """
    mine = [one for one in view.servers if one.mark.claim.run == run and kept_but_for(one, run) is None]
    if orders := tuple(_taken_back(view, run)):
        return Do(orders)
    try:
        refuse_older_than(view.servers, plan.push, run)
    except SlipwayError:
        if mine:
            return Do((*taken_out(view, mine), *(Delete(one) for one in mine)))
        raise
    good = list(view.good(run))
    problem = _restored(plan, good, view, now)
    if isinstance(problem, Do | Wait):
        return problem
    addresses = {one.mark.floating_ip: one for one in good if one.mark.floating_ip}
    if orders := attached(addresses, view):
        return Do(orders)
    if (step := led_back(view, good, mine, now)) is not None:
        return step
    if orders := (*(Delete(one) for one in mine), *_given_back(good, run)):
        return Do(orders)
    return problem or Done()


def _restored(plan: NovaPlan, good: list[Server], view: View, now: datetime) -> Step | None:
    if going := [one for one in good if one.task == "powering-off"]:
        return Wait(tuple(until_stopped(one, now, STOP_SECONDS) for one in going))
    within = plan.nova.health.within_seconds if plan.nova.health else WITHIN_SECONDS
    problem = come_up(
        good, view, now, plan.nova.start_seconds, lambda one: read_health(one.mark.health, within)
    )
    if isinstance(problem, Fail):
        return Fail(f"the previous version was restored, but does not serve either: {problem.reason}")
    return problem


def _kept(plan: NovaPlan, run: str, server: Server, now: datetime) -> Write:
    done = KeptRelease(claim_of(plan, run), now)
    before = server.mark.kept
    # One that was kept before may be gone back to: how it was switched to then stays until it is cleared.
    switched = how(plan, server.mark.index) if before is None else {}
    return Write(server, {**written(done, CloudKey.KEPT), **written(before, CloudKey.BEFORE), **switched})


def _cleared(plan: NovaPlan, server: Server, *, stays: bool) -> Iterator[Order]:
    if stays:
        if server.mark.before is not None:
            yield Write(server, {**written(None, CloudKey.BEFORE), **how(plan, server.mark.index)})
    elif server.mark.claim.at <= plan.push.at:
        yield Delete(server)


def _taken_back(view: View, run: str) -> Iterator[Order]:
    for one in view.servers:
        if is_kept(one, run):
            yield Write(one, {**written(one.mark.before, CloudKey.KEPT), **written(None, CloudKey.BEFORE)})


def _given_back(good: list[Server], run: str) -> Iterator[Order]:
    for one in good:
        if one.mark.claim.run == run and one.mark.kept is not None:
            yield Write(one, one.mark.kept.claim.to_metadata())
