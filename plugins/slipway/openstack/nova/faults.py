"""Why a server failed that another program made: it removes the server before anybody could ask it.

https://docs.openstack.org/api-guide/compute/faults.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from openstack.connection import Connection

from slipway.flow.record import SlipwayError
from slipway.openstack.nova.errors import told

log = logging.getLogger(__name__)

SECONDS = 1.0
"""Between two looks: Packer looks every two seconds."""
SHOWN = 500


@dataclass
class Fault:
    """What Nova said; empty while it said nothing."""

    message: str = ""

    @property
    def told(self) -> str:
        """Return it as the beginning of an error, or nothing."""
        return f"Nova could not make the server: {self.message}\n" if self.message else ""


@contextmanager
def watched(cloud: Connection, name: str) -> Iterator[Fault]:
    """Look after a server called ``name`` until it is there; yields what Nova says when it fails."""
    fault, over = Fault(), Event()
    thread = Thread(target=_watch, args=(cloud, name, fault, over), name=f"slipway-{name}", daemon=True)
    thread.start()
    try:
        yield fault
    finally:
        over.set()
        thread.join()


def _watch(cloud: Connection, name: str, fault: Fault, over: Event) -> None:
    while not over.wait(SECONDS):
        try:
            with told(f"server {name}"):
                found = [server for server in cloud.compute.servers(name=name) if server.name == name]
        except SlipwayError as error:
            log.debug("%s", error)
            continue
        for server in found:
            if server.status == "ERROR":
                fault.message = str((server.fault or {}).get("message", "")).strip()[:SHOWN]
            if server.status != "BUILD":
                return
