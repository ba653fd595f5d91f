"""The facts that every service of the cloud gets: addresses, folders, logins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.ground import Ground
from lab.openstack.distribution import Distribution
from lab.ports import HOST

REGION = "RegionOne"
PORTS = {
    "keystone": 5000,
    "glance": 9292,
    "placement": 8778,
    "neutron": 9696,
    "cinder": 8776,
    "designate": 9001,
    "octavia": 9876,
    "nova": 8774,
    "ironic": 6385,
}
"""Where people expect the services; a port that is taken is passed over."""

CATALOGUE = {
    "glance": "image",
    "placement": "placement",
    "neutron": "network",
    "cinder": "block-storage",
    "designate": "dns",
    "octavia": "load-balancer",
    "nova": "compute",
    "ironic": "baremetal",
}
"""Which service is of which type: https://service-types.openstack.org"""

VERSIONS = {"nova": "/v2.1", "cinder": "/v3"}
"""What the catalogue's address ends in, where that is not the service's own."""


@dataclass(frozen=True)
class Cloud:
    """One OpenStack on loopback; its state is ``.lab/openstack``."""

    ground: Ground

    @property
    def distribution(self) -> Distribution:
        """The services' programs."""
        return Distribution(self.ground.paths)

    @property
    def folder(self) -> Path:
        """Settings, databases and images."""
        return self.ground.paths.state / "openstack"

    @property
    def clouds_yaml(self) -> Path:
        """The logins, as OpenStack's clients read them."""
        return self.ground.paths.state / "clouds.yaml"

    @property
    def identity(self) -> str:
        """Keystone's address, which every login names."""
        return f"{self.url('keystone')}/v3"

    def port(self, service: str) -> int:
        """Return a service's port."""
        return self.ground.ports.get(service, PORTS[service])

    def url(self, service: str) -> str:
        """Return a service's address."""
        return f"http://{HOST}:{self.port(service)}"

    def endpoint(self, service: str) -> str:
        """Return what Keystone's catalogue says of a service."""
        return self.url(service) + VERSIONS.get(service, "")

    def of(self, service: str) -> Path:
        """Return a service's own folder."""
        return self.folder / service

    def database(self, service: str, name: str | None = None) -> str:
        """Return the address of a service's database."""
        return f"sqlite:///{self.of(service)}/{name or service}.db"

    def password(self, user: str) -> str:
        """Return a user's password."""
        return self.ground.logins.secret(f"openstack-{user}")
