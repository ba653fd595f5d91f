"""How a virtual machine's image runs on OpenStack Nova: ``vm.nova`` of ``slipway.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from slipway.flow.fields import PortNumber, RepositoryPath
from slipway.flow.record import Matching, Record

CloudName = Annotated[
    str,
    Matching(
        r"^[^\x00-\x20\x7f/?#]([^\x00-\x1f\x7f/?#]{0,253}[^\x00-\x20\x7f/?#])?$",
        "must be a name or an id of the cloud: at most 255 characters, without `/`, `?` and `#`",
    ),
]
MetadataKey = Annotated[
    str,
    Matching(
        r"^(?!slipway)[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$",
        "must be a key of metadata: at most 100 letters, digits, `_.:-`, not starting with slipway",
    ),
]
MetadataValue = Annotated[
    str, Matching(r"^[^\x00-\x1f\x7f]{0,255}$", "must be text in one line of at most 255 characters")
]
Address = Annotated[
    str,
    Matching(
        r"^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$",
        "must be an IPv4 address, like 203.0.113.7",
    ),
]
DnsName = Annotated[
    str,
    Matching(
        r"^([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.){2,}$",
        "must be a full name in lower case, with the final dot, like shop.example.org.",
        max_length=180,
    ),
]
Path = Annotated[
    str,
    Matching(
        r"^/[!-~]{0,199}$",
        "must be a path of at most 200 printable characters without spaces, starting with /",
    ),
]


class ServerHealth(Record):
    """What each server must answer, at its own address, before anything is switched to it."""

    port: PortNumber
    path: Path | None = None
    """Of an HTTP request; without it a TCP connection is enough."""
    status: Annotated[int, Field(ge=100, le=599)] = 200
    within_seconds: Annotated[int, Field(ge=1, le=3600)] = 120


class ServerVolume(Record):
    """A disk of Cinder's that each server gets, and that goes with its server."""

    size_gib: Annotated[int, Field(ge=1, le=65536)]
    """In GiB."""
    type: CloudName | None = None
    """Name or id of a volume type; the cloud's default without it."""


class LoadBalancer(Record):
    """A load balancer of Octavia's that directs traffic to the servers."""

    pool: CloudName
    """Name or id of a pool of the project; members that Slipway did not add are left alone."""
    port: PortNumber
    """Where the servers serve."""


class ServerName(Record):
    """A name of Designate's that leads to the servers."""

    name: DnsName
    """In a zone of the project."""
    ttl_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """How long others keep the answer: so long do replaced servers run on."""


class Nova(Record):
    """Servers made from the image."""

    flavor: CloudName
    """Name or id."""
    networks: tuple[CloudName, ...] = Field(min_length=1, max_length=8)
    """Names or ids; the first has the address that is asked for health, and gets the floating IP."""
    count: Annotated[int, Field(ge=1, le=200)] = 1
    """How many servers."""
    security_groups: tuple[CloudName, ...] = Field(default=(), max_length=10)
    """Names or ids; the project's default when empty."""
    key_pair: CloudName | None = None
    config_drive: bool = False
    user_data: RepositoryPath | None = None
    """A file that the servers are started with, as cloud-init reads it. No secrets: every server shows it."""
    metadata: dict[MetadataKey, MetadataValue] = Field(default={}, max_length=40)
    root_volume: ServerVolume | None = None
    """Boot from a volume that Cinder makes of the image, instead of a disk of the hypervisor's."""
    volumes: tuple[ServerVolume, ...] = Field(default=(), max_length=16)
    """Empty ones: in this order they are the server's further disks."""
    anti_affinity: bool = False
    """No two servers of a release on one hypervisor."""
    strategy: Literal["rolling", "blue_green"] = "rolling"
    """Replace batch by batch, or make all new ones and then switch."""
    batch: Annotated[int, Field(ge=1, le=100)] = 1
    """How many servers a rolling release replaces at once."""
    floating_ips: tuple[Address, ...] = Field(default=(), max_length=200)
    """Of the project: the first is the first server's, and so on; each moves when its server is healthy."""
    load_balancer: LoadBalancer | None = None
    """Servers are members of its pool from when they are healthy until they are replaced."""
    dns: ServerName | None = None
    """Has the addresses of the servers from when they are healthy until they are replaced."""
    health: ServerHealth | None = None
    start_seconds: Annotated[int, Field(ge=10, le=7200)] = 600
    """How long a server may take until Nova calls it ACTIVE."""

    @model_validator(mode="after")
    def _one_name(self) -> Nova:
        if self.dns and (self.load_balancer or self.floating_ips):
            other = "load_balancer" if self.load_balancer else "floating_ips"
            raise ValueError(
                f"dns points to the servers' own addresses, but traffic comes through {other}. Point the "
                "name to that yourself, once, and leave dns out"
            )
        return self

    @model_validator(mode="after")
    def _addresses_fit(self) -> Nova:
        if len(set(self.floating_ips)) != len(self.floating_ips):
            raise ValueError("floating_ips lists an address twice")
        if len(self.floating_ips) > self.count:
            raise ValueError("floating_ips has more addresses than there are servers (count)")
        return self
