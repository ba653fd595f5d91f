"""Where traffic comes to servers from: a load balancer's pool, or a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from slipway.flow.record import Record


class Pool(Record):
    """A load balancer's pool: https://docs.openstack.org/api-ref/load-balancer/v2/"""

    id: str
    port: int
    """Where the servers serve."""

    def __str__(self) -> str:
        return f"pool {self.id} {self.port}"


class RecordSet(Record):
    """A name with the servers' addresses: https://docs.openstack.org/api-ref/dns/"""

    zone: str
    """Id."""
    name: str

    def __str__(self) -> str:
        return f"name {self.zone} {self.name}"


Place = Pool | RecordSet


def read(text: str) -> Place | None:
    """Return the place of this text, as ``str`` gives it; None when it is of none."""
    match text.split(" "):
        case ["pool", pool, port]:
            return Pool(id=pool, port=int(port))
        case ["name", zone, name]:
            return RecordSet(zone=zone, name=name)
    return None


@dataclass(frozen=True)
class Led:
    """Where a place leads to."""

    addresses: frozenset[str]
    """Only those of this deployment; those that the place has confirmed."""
    until: datetime | None = None
    """Others may keep an answer of before until this moment."""
