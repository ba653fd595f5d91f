"""``slipway.yaml``: what an application's commit wants built and deployed.

The JSON Schema that editors and ``slipway schema`` use is made from these records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from slipway.flow.fields import (
    EnvName,
    HttpPath,
    KeyName,
    MountPath,
    PortName,
    PortNumber,
    Quantity,
    RepositoryPath,
    StageName,
)
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.flow.jenkins import Build
from slipway.flow.nova.vm import Vm
from slipway.flow.platforms import Platform
from slipway.flow.record import Name, Record, Version


class Port(Record):
    """A port of the container, and of the Service before it."""

    name: PortName = "http"
    """What probes and ``health`` call it."""
    container: PortNumber
    """Port that the process listens on."""
    service: PortNumber = 80
    """Port of the Service."""


class SecretRef(Record):
    """A key of a Secret that the tenant keeps in the namespace; its value never passes Slipway."""

    secret: Name
    key: KeyName


def _kind_of_value(value: Any) -> str:
    return "a secret's key" if isinstance(value, dict | SecretRef) else "a string"


EnvValue = Annotated[
    Annotated[str, Tag("a string")] | Annotated[SecretRef, Tag("a secret's key")],
    Discriminator(_kind_of_value),
]
"""A plain string, or where the tenant's namespace keeps the value."""


class Resources(Record):
    """What a replica asks for, and may take at most."""

    cpu: Quantity = "100m"
    memory: Quantity = "128Mi"
    cpu_limit: Quantity | None = None
    memory_limit: Quantity | None = None


class Probe(Record):
    """How the platform asks a replica: an HTTP path, a TCP port or a command (just one of them)."""

    http: HttpPath | None = None
    tcp: bool = False
    command: tuple[str, ...] = ()
    port: str = "http"
    """Name of one of ``ports``."""
    delay_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    period_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 2
    failures: Annotated[int, Field(ge=1, le=100)] = 3

    @model_validator(mode="after")
    def _one_way(self) -> Probe:
        if sum((self.http is not None, self.tcp, bool(self.command))) != 1:
            raise ValueError("a probe needs exactly one of http, tcp and command")
        return self


class Probes(Record):
    """Readiness gates traffic, liveness restarts, startup holds both back."""

    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None


class ConfigMap(Record):
    """Files made from ``data`` and seen under ``mount``."""

    mount: MountPath
    data: dict[KeyName, str] = Field(min_length=1)


class Volume(Record):
    """Storage at ``mount``: an existing claim, a Secret, or room that lives as long as the replica."""

    mount: MountPath
    claim: Name | None = None
    secret: Name | None = None
    empty: Quantity | None = None
    read_only: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Volume:
        if sum(kind is not None for kind in (self.claim, self.secret, self.empty)) != 1:
            raise ValueError("a volume needs exactly one of claim, secret and empty")
        return self


class Health(Record):
    """What must answer from outside the cluster before a deployment counts as good."""

    path: HttpPath = "/"
    port: str = "http"
    status: Annotated[int, Field(ge=100, le=599)] = 200
    within_seconds: Annotated[int, Field(ge=1, le=900)] = 30


_OBJECT_FIELDS = ("replicas", "ports", "service", "env", "resources", "probes", "config", "volumes")


def _default(name: str) -> Any:
    return Kubernetes.model_fields[name].default


class Kubernetes(Record):
    """How the container runs: from these fields, or from the application's own ``manifests``."""

    replicas: Annotated[int, Field(ge=0, le=500)] = 1
    """How many of it run."""
    ports: tuple[Port, ...] = ()
    """Ports of the container; with none there is no Service."""
    service: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    env: dict[EnvName, EnvValue] = {}
    """Environment variables: a string, or ``{secret: NAME, key: KEY}``."""
    resources: Resources = Resources()
    probes: Probes = Probes()
    config: dict[Name, ConfigMap] = {}
    """ConfigMaps by name, mounted as files."""
    volumes: dict[Name, Volume] = {}
    """Volumes by name."""
    manifests: tuple[RepositoryPath, ...] = ()
    """Own manifests instead; the container named like the application gets the image by digest."""
    health: Health | None = None
    """What must answer before a deployment counts as good."""
    progress_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    """How long a rollout may make no progress before it has failed."""

    @model_validator(mode="after")
    def _consistent(self) -> Kubernetes:
        names = {port.name for port in self.ports}
        if len(names) != len(self.ports):
            raise ValueError("two ports have the same name")
        if self.manifests:
            if mixed := [name for name in _OBJECT_FIELDS if getattr(self, name) != _default(name)]:
                raise ValueError(f"manifests replace {', '.join(mixed)}: give one or the other")
            return self
        probes = (self.probes.readiness, self.probes.liveness, self.probes.startup)
        asked = [probe.port for probe in probes if probe is not None and not probe.command]
        asked += [self.health.port] if self.health else []
        if missing := sorted(set(asked) - names):
            raise ValueError(
                f"port {missing[0]!r} is used by a probe or health, but is not in ports "
                f"({', '.join(sorted(names)) or 'which is empty'})"
            )
        return self


class Container(Record):
    """The container image, and how it runs."""

    dockerfile: RepositoryPath = "Dockerfile"
    """Path from the repository's root."""
    context: RepositoryPath = "."
    """Folder that the build sees; ``.dockerignore`` thins it."""
    target: StageName | None = None
    """Build stage to stop at; the last one when absent."""
    args: dict[EnvName, str] = {}
    """Build arguments (``ARG`` of the Dockerfile). No secrets: they stay in the image."""
    kubernetes: Kubernetes = Kubernetes()
    """How the image runs."""


class BuildSpec(Record):
    """One application's ``slipway.yaml``."""

    version: Version
    """Version of this format."""
    name: Name
    """The application; names of its Kubernetes objects start with it."""
    container: Container | None = None
    """The container image; nothing is built for containers without it."""
    vm: Vm | None = None
    """The virtual machine's image; nothing is built for OpenStack Nova without it."""
    bare_metal: BareMetal | None = None
    """The bare-metal image; nothing is built for OpenStack Ironic without it."""
    order: tuple[Platform, ...] = ()
    """Platforms that a release goes to one after the other, each when the one before is healthy; those that
    are not named, and without it all, go at once."""

    @model_validator(mode="after")
    def _ordered(self) -> BuildSpec:
        if len(set(self.order)) < len(self.order):
            raise ValueError("order names a platform twice")
        if lacking := [platform for platform in self.order if getattr(self, platform) is None]:
            raise ValueError(f"order names {lacking[0]}, which is not declared: remove it from order")
        return self

    build: Build = Build()
    """What is built outside before the container image is, and goes into its build context."""

    @model_validator(mode="after")
    def _built_for_a_container(self) -> BuildSpec:
        if self.build.jenkins and self.container is None:
            raise ValueError(
                "build.jenkins is for a container image: declare container, or leave build.jenkins out"
            )
        return self
