"""Octavia's provider of the lab: load balancers that carry no traffic, and settle a moment after each change.

Octavia's API tells a provider of changes, and the provider tells the API's database what has become of them.
This one reads there what is pending, so that nothing stays so over a restart. A tag ``lab-delay-5`` of a load
balancer lets its changes take five seconds.

https://docs.openstack.org/octavia/latest/contributor/guides/providers.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from octavia.api.drivers.driver_agent.driver_updater import DriverUpdater
from octavia.api.drivers.noop_driver.driver import NoopProviderDriver
from octavia.db import api, models
from octavia_lib.api.drivers.provider_base import ProviderDriver
from octavia_lib.common import constants
from oslo_log import log

from lab.openstack.inside.balancer_ends import PENDING, ends

ROUND_SECONDS = 0.2
CHANGE_SECONDS = 0.2
DELAY = "lab-delay-"


class LabDriver(NoopProviderDriver):
    """Takes every change."""

    # It has no address of its own to give: Octavia takes a port of Neutron's.
    create_vip_port = ProviderDriver.create_vip_port


def start() -> None:
    """Settle what is pending, from now on."""
    threading.Thread(target=_settle_forever, daemon=True).start()


def _settle_forever() -> None:
    seen: dict[str, float] = {}
    while True:
        time.sleep(ROUND_SECONDS)
        with _logged():
            seen = {one: seen.get(one, time.monotonic()) for one in _pending()}
        for one, since in list(seen.items()):
            with _logged():
                if _settle(one, time.monotonic() - since):
                    del seen[one]


@contextmanager
def _logged() -> Iterator[None]:
    """Go on after a failure: Neutron may be down, say, and the next round tries again."""
    try:
        yield
    except Exception:
        log.getLogger(__name__).exception("load balancers do not settle")


def _pending() -> list[str]:
    balancer = models.LoadBalancer
    session = api.get_session()
    with session.begin():
        query = session.query(balancer.id).filter(balancer.provisioning_status.startswith(PENDING))
        return [one for (one,) in query]


def _settle(one: str, seconds: float) -> bool:
    """Bring a load balancer's change to its end, if it is time; say whether it was."""
    session = api.get_session()
    with session.begin():
        balancer = session.get(models.LoadBalancer, one)
        delays = [float(tag.removeprefix(DELAY)) for tag in balancer.tags if tag.startswith(DELAY)]
        if seconds < max(delays, default=CHANGE_SECONDS):
            return False
        changes = list(ends(balancer))
    updater = DriverUpdater()
    for kind, end in changes:
        answer = updater.update_loadbalancer_status({kind: [end]})
        if answer[constants.STATUS_CODE] != constants.DRVR_STATUS_CODE_OK:
            raise RuntimeError(f"{kind} {end['id']}: {answer[constants.FAULT_STRING]}")
    return True
