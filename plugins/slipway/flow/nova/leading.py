"""Leads traffic to servers: to those of a release when they are healthy, and not to those that they replace.

Both in one order, so that there is no moment without any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from slipway.flow.nova.observed import Server, View
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.steps import Do, Lead, Order, Step, Wait
from slipway.flow.nova.traffic import Place, read


def led(
    plan: NovaPlan, view: View, here: Collection[Server], out: Collection[Server], now: datetime
) -> Step | None:
    """Return what it takes until traffic comes to ``here``, and to ``out`` no more; None when that is so.

    Who else it comes to stays, as far as they are servers that there are.
    """
    moved = {one.id for one in (*here, *out)}
    wanted: dict[Place, list[Server]] = {}
    for place, to in view.traffic.items():
        stay = [one for one in view.servers if one.address in to.addresses and one.id not in moved]
        wanted[place] = [*stay, *(here if place == plan.traffic else ())]
    return _step(view, wanted, out, now)


def led_back(view: View, good: Collection[Server], out: Collection[Server], now: datetime) -> Step | None:
    """Return what it takes until traffic comes to ``good`` alone, each from where it came to it before."""
    wanted = {place: [one for one in good if read(one.mark.traffic) == place] for place in view.traffic}
    return _step(view, wanted, out, now)


def taken_out(view: View, out: Collection[Server]) -> tuple[Order, ...]:
    """Return the orders after which no traffic comes to ``out``."""
    stay = [one for one in view.servers if one not in out]
    wanted = {
        place: [one for one in stay if one.address in to.addresses] for place, to in view.traffic.items()
    }
    return tuple(_orders(view, wanted))


def _step(
    view: View, wanted: Mapping[Place, list[Server]], out: Collection[Server], now: datetime
) -> Step | None:
    if orders := tuple(_orders(view, wanted)):
        return Do(orders)
    if any(one.is_active for one in out) and (moment := _forgotten(view)) and now < moment:
        return Wait((), not_before=moment)
    return None


def _orders(view: View, wanted: Mapping[Place, list[Server]]) -> Iterator[Lead]:
    """Yield the orders, those that only take servers out at the end: traffic comes from one place always."""

    def only_takes_out(item: tuple[Place, list[Server]]) -> bool:
        place, servers = item
        return view.traffic[place].addresses >= {one.address for one in servers}

    for place, servers in sorted(wanted.items(), key=only_takes_out):
        if view.traffic[place].addresses != {one.address for one in servers}:
            yield Lead(place, tuple(servers))


def _forgotten(view: View) -> datetime | None:
    """Return when no resolver keeps an older answer any more."""
    return max((to.until for to in view.traffic.values() if to.until), default=None)
