"""How a bare-metal image runs on OpenStack Ironic: ``bare_metal.ironic`` of ``slipway.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from slipway.flow.fields import HttpPath, PortNumber, RepositoryPath
from slipway.flow.record import Matching, Record

ResourceClass = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        "must be a resource class of Ironic's nodes: letters, digits, `.`, `_` and `-`, like baremetal.large",
        max_length=80,
    ),
]
Trait = Annotated[
    str,
    Matching(
        r"^[A-Z][A-Z0-9_]*$",
        "must be a trait: capital letters, digits and `_`, like CUSTOM_SSD or HW_CPU_X86_VMX",
        max_length=255,
    ),
]
Capability = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9_.-]+$",
        "must be letters, digits, `_`, `.` and `-`, as in `boot_mode: uefi`",
        max_length=64,
    ),
]
NetworkName = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        "must be the name or id of a network: letters, digits, `.`, `_` and `-`",
        max_length=255,
    ),
]


class NodeHealth(Record):
    """What must answer at a node's address before it counts as good: a page, or just a port."""

    port: PortNumber
    path: HttpPath | None = None
    """Of a page that is asked for by HTTP; without it the port must take connections."""
    status: Annotated[int, Field(ge=100, le=599)] = 200
    within_seconds: Annotated[int, Field(ge=1, le=3600)] = 600
    """A machine takes its time to boot."""


class Pacing(Record):
    """How many nodes may be without the application at once, and how many may fail."""

    at_once: Annotated[int, Field(ge=1, le=500)] = 1
    """Nodes that are deployed at the same time; the next one begins when one of them is healthy."""
    stop_after_failures: Annotated[int, Field(ge=0, le=500)] = 0
    """With more failed nodes than these no further one is begun."""


class Ironic(Record):
    """Nodes that are deployed with the image."""

    resource_class: ResourceClass
    """Of the nodes."""
    traits: tuple[Trait, ...] = ()
    """What a node must have."""
    count: Annotated[int, Field(ge=1, le=500)] = 1
    """How many nodes run it."""
    network: NetworkName | None = None
    """Neutron's network in which each node gets a port; without it the nodes' network is left alone."""
    user_data: RepositoryPath | None = None
    """File that each node finds on its config drive, for cloud-init; at most 16 KiB. No secrets."""
    root_gib: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Size of the root partition that a partition image is written to; 10 when absent."""
    capabilities: dict[Capability, Capability] = {}
    """What the deployment asks of a node, such as ``boot_mode: uefi``."""
    health: NodeHealth | None = None
    """What must answer before a node counts as good; that it is deployed is enough without it."""
    pacing: Pacing = Pacing()
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often an image is tried on a node."""
    deploy_seconds: Annotated[int, Field(ge=10, le=86400)] = 3600
    """How long a node may take for one try before it has failed."""

    @model_validator(mode="after")
    def _reachable(self) -> Ironic:
        if self.health and not self.network:
            raise ValueError("health checks a node at its address: name the network that gives it one")
        return self
