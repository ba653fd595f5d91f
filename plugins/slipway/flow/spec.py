"""``slipway.yaml``: what an application's commit wants built and deployed.

The JSON Schema that editors and ``slipway schema`` use is made from these records.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from slipway.flow.record import Name, Record



def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("a path is relative to the repository's root and stays inside it (no leading /, no ..)")
    return path


RepositoryPath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._/@+ -]+$", max_length=255),
    AfterValidator(_inside),
]
"""A path inside the repository: relative, without ``..``."""

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
HttpPath = Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=1024)]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
KeyName = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]{1,253}$")]


class Port(Record):
    """A port of the container, and of the Service before it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$")] = "http"
    container: PortNumber
    service: PortNumber = 80


class SecretRef(Record):
    """A key of a Secret that the tenant keeps in the namespace; its value never passes Slipway."""

    secret: Name
    key: KeyName


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
            raise ValueError("a probe has exactly one of http, tcp and command")
        return self


class Probes(Record):
    """Readiness gates traffic, liveness restarts, startup holds both back."""

    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None


class ConfigMap(Record):
    """Files made from ``data`` and seen under ``mount``."""

    mount: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")]
    data: dict[KeyName, str] = Field(min_length=1)


class Volume(Record):
    """Storage at ``mount``: an existing claim, a Secret, or room that lives as long as the replica."""

    mount: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")]
    claim: Name | None = None
    secret: Name | None = None
    empty: Quantity | None = None
    read_only: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Volume:
        if sum(kind is not None for kind in (self.claim, self.secret, self.empty)) != 1:
            raise ValueError("a volume has exactly one of claim, secret and empty")
        return self


class Health(Record):
    """What must answer from outside the cluster before a deployment counts as good."""

    path: HttpPath = "/"
    port: str = "http"
    status: Annotated[int, Field(ge=100, le=599)] = 200
    within_seconds: Annotated[int, Field(ge=1, le=900)] = 30


class Kubernetes(Record):
    """How the container runs: from these fields, or from the application's own ``manifests``."""

    replicas: Annotated[int, Field(ge=0, le=500)] = 1
    ports: tuple[Port, ...] = ()
    service: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    env: dict[EnvName, str | SecretRef] = {}
    resources: Resources = Resources()
    probes: Probes = Probes()
    config: dict[Name, ConfigMap] = {}
    volumes: dict[Name, Volume] = {}
    manifests: tuple[RepositoryPath, ...] = ()
    """Own manifests instead; the container named like the application gets the image by digest."""
    health: Health | None = None
    progress_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    """How long a rollout may make no progress before it has failed."""

    @model_validator(mode="after")
    def _consistent(self) -> Kubernetes:
        names = {port.name for port in self.ports}
        if len(names) != len(self.ports):
            raise ValueError("two ports have the same name")
        if self.manifests:
            own = {"replicas", "ports", "service", "env", "resources", "probes", "config", "volumes"}
            if mixed := sorted(own & self.model_fields_set):
                raise ValueError(f"manifests stand instead of {', '.join(mixed)}: give one or the other")
            return self
        asked = [p.port for p in (self.probes.readiness, self.probes.liveness, self.probes.startup)
                 if p is not None and not p.command]
        asked += [self.health.port] if self.health else []
        if missing := sorted(set(asked) - names):
            raise ValueError(
                f"port {missing[0]!r} is asked for by a probe or health and is not in ports "
                f"({', '.join(sorted(names)) or 'which is empty'})"
            )
        return self


class Container(Record):
    """The container image, and how it runs."""

    dockerfile: RepositoryPath = "Dockerfile"
    """Path from the repository's root."""
    context: RepositoryPath = "."
    target: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None
    args: dict[EnvName, str] = {}
    kubernetes: Kubernetes = Kubernetes()


class BuildSpec(Record):
    """One application's ``slipway.yaml``."""

    version: Literal[1]
    name: Name
    container: Container | None = None
