"""Knot DNS: the authoritative name server of Designate's zones.

It receives nothing but "look again": which zones there are it reads in Designate's catalog zone, and what is
in each it transfers from there. https://www.knot-dns.cz/docs/3.2/html/, https://www.rfc-editor.org/rfc/rfc9432
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from lab.daemon import PATIENCE_SECONDS, Daemon
from lab.openstack.cloud import Cloud
from lab.patience import stretched
from lab.ports import HOST
from lab.process import Process

CATALOG = "catalog.invalid."
SETTINGS = """\
server:
    listen: {host}@{port}
    rundir: "{sockets}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: "{folder}"
remote:
  - id: designate
    address: {host}@{designate}
acl:
  # Designate asks for the catalog's serial, which only those may who may transfer it, and by TCP.
  - id: designate
    address: {host}
    action: [notify, transfer]
template:
  - id: default
    storage: "{folder}"
    master: designate
    acl: designate
    # It starts before Designate does, and may miss a notification on a busy machine: it looks by itself.
    retry-max-interval: 2
    refresh-max-interval: 5
zone:
  - domain: {catalog}
    catalog-role: interpret
    catalog-template: default
"""


def port(cloud: Cloud) -> int:
    """Return the name server's port."""
    return cloud.ground.ports.get("nameserver", 5300)


def designate_port(cloud: Cloud) -> int:
    """Return the port from which Designate hands zones to the name server."""
    return cloud.ground.ports.get("designate-mdns", 5354)


@dataclass(frozen=True)
class Nameserver(Daemon):
    """Knot, on loopback."""

    cloud: Cloud
    name: str = "nameserver"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("knot",)

    @property
    def url(self) -> str:
        """Its address, as RFC 4501 writes it."""
        return f"dns://{HOST}:{port(self.cloud)}"

    def start(self) -> None:
        """Start it and wait for the first answer."""
        folder = self.cloud.of(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "knot.conf").write_text(self._settings(folder))
        super().start()

    def answers(self) -> bool:
        """Say whether it answers, be it that it has no such zone."""
        question = dns.message.make_query(CATALOG, "SOA")
        try:
            # By TCP, which reports at once that nothing listens.
            dns.query.tcp(question, HOST, timeout=stretched(PATIENCE_SECONDS), port=port(self.cloud))
        except (OSError, dns.exception.DNSException):
            return False
        return True

    def exports(self) -> Mapping[str, str]:
        """Where to ask."""
        return {"SLIPWAY_NAMESERVER": f"{HOST}:{port(self.cloud)}"}

    @property
    def process(self) -> Process:
        """knotd."""
        return Process(
            name=self.name,
            command=["/usr/sbin/knotd", "--config", str(self.cloud.of(self.name) / "knot.conf")],
            paths=self.cloud.ground.paths,
        )

    def _settings(self, folder: Path) -> str:
        return SETTINGS.format(
            host=HOST,
            port=port(self.cloud),
            designate=designate_port(self.cloud),
            catalog=CATALOG,
            folder=folder,
            sockets=self.cloud.ground.paths.sockets,
        )
