"""What becomes of a load balancer and its parts when a change of it ends.

Tags ``lab-fail-create``, ``lab-fail-update`` and ``lab-fail-delete`` of any of them let that change of it end
in ``ERROR``; with ``lab-sick`` a pool's health monitor finds no member well.

https://docs.openstack.org/api-ref/load-balancer/v2/#provisioning-status-codes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from octavia_lib.common import constants

PENDING, FAIL, SICK = "PENDING_", "lab-fail-", "lab-sick"
PROVISIONING, OPERATING = constants.PROVISIONING_STATUS, constants.OPERATING_STATUS

End = Mapping[str, str]
"""An object's id, and those of its states that change."""


def ends(balancer: Any) -> Iterator[tuple[str, End]]:
    """Yield the kind and end of each part and of the whole: parts before what they are of."""
    whole = _end(balancer)
    for listener in balancer.listeners:
        yield from _of_listener(listener, _end(listener, whole))
    for pool in balancer.pools:
        yield from _of_pool(pool, _end(pool, whole))
    yield constants.LOADBALANCERS, whole


def _of_listener(listener: Any, whole: End) -> Iterator[tuple[str, End]]:
    for policy in listener.l7policies:
        end = _end(policy, whole)
        for rule in policy.l7rules:
            yield constants.L7RULES, _end(rule, end)
        yield constants.L7POLICIES, end
    yield constants.LISTENERS, whole


def _of_pool(pool: Any, whole: End) -> Iterator[tuple[str, End]]:
    watched = False
    if pool.health_monitor:
        monitor = _end(pool.health_monitor, whole)
        watched = not _is_gone(monitor)
        yield constants.HEALTHMONITORS, monitor
    for member in pool.members:
        found = constants.ERROR if SICK in pool.tags else constants.ONLINE
        watching = found if member.weight else constants.DRAINING
        yield constants.MEMBERS, _end(member, whole, watching if watched else constants.NO_MONITOR)
    yield constants.POOLS, whole


def _end(one: Any, whole: End | None = None, health: str = constants.ONLINE) -> End:
    """Return what becomes of one object, which goes with what it is a part of."""
    operating = {OPERATING: health if one.enabled else constants.OFFLINE}
    change = one.provisioning_status.removeprefix(PENDING).lower()
    if whole and _is_gone(whole):
        return {"id": one.id, PROVISIONING: constants.DELETED}
    if not one.provisioning_status.startswith(PENDING):
        return {"id": one.id} if operating[OPERATING] == one.operating_status else {"id": one.id, **operating}
    if FAIL + change in one.tags:
        return {"id": one.id, PROVISIONING: constants.ERROR}
    status = constants.DELETED if change == "delete" else constants.ACTIVE
    return {"id": one.id, PROVISIONING: status, **operating}


def _is_gone(end: End) -> bool:
    return end.get(PROVISIONING) == str(constants.DELETED)
