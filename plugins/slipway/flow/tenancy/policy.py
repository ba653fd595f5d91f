"""What Keystone's roles mean on Kubernetes: ``tenancy.yaml``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from slipway.flow.fields import Quantity
from slipway.flow.record import Matching, Name, Record, Version

RESERVED = ("default", "kube", "kube-*")
"""Namespaces that are Kubernetes' own; ``kube-`` is its prefix."""


def _placeholders(text: str) -> str:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
        text.format(project="", domain="")
    except (ValueError, KeyError, IndexError, AttributeError):
        fields = []
    if "project" not in fields or set(fields) - {"project", "domain"}:
        rule = "must name {project}, and may name {domain}; nothing else in braces"
        raise PydanticCustomError("rule", "{rule}", {"rule": rule})
    return text


Format = Annotated[
    str,
    Matching(r"^[-a-z0-9{}]{1,60}$", "must be lower-case letters, digits, `-`, {project} and {domain}"),
    AfterValidator(_placeholders),
]
KeystoneName = Annotated[str, Field(min_length=1, max_length=255)]
ApiGroup = Annotated[
    str, Matching(r"^(\*|[a-z0-9.-]{0,253})$", 'must be an API group: "" for the core, apps, or "*"')
]
Resource = Annotated[
    str,
    Matching(
        r"^(\*|[a-z0-9.-]{1,63})(/[a-z0-9.-]{1,63})?$",
        'must be a resource in the plural, in lower case, like pods or pods/log, or "*"',
    ),
]
PlainResource = Annotated[
    str,
    Matching(r"^(\*|[a-z0-9.-]{1,63})$", 'must be a resource in the plural, without a subresource, or "*"'),
]
Verb = Annotated[
    str, Matching(r"^(\*|[a-z]{1,32})$", 'must be a verb in lower case, like get or deletecollection, or "*"')
]
Percent = Annotated[int, Field(ge=0, le=100)]


class Rule(Record):
    """What may be done with which resources, as Kubernetes' RBAC says it."""

    api_groups: tuple[ApiGroup, ...] = Field(default=("",), min_length=1)
    """API groups; "" is the core."""
    resources: tuple[Resource, ...] = Field(min_length=1)
    """Resources in the plural; subresources are said apart (pods/log)."""
    verbs: tuple[Verb, ...] = Field(min_length=1)
    """Verbs: get, list, watch, create, update, patch, delete, deletecollection."""


class AbacRule(Record):
    """The same for the ABAC policy file, which knows no single verbs, and takes in all subresources."""

    api_group: ApiGroup = ""
    """One API group; "" is the core."""
    resource: PlainResource
    """One resource in the plural, with all its subresources: pods has pods/exec in it."""
    readonly: bool = True
    """Only get, list and watch. Of pods, get lets a person into their containers."""


class RoleRights(Record):
    """What a role of Keystone's may do in the namespaces of its project."""

    rules: tuple[Rule, ...] = ()
    """By RBAC. A role that another one implies (admin, manager, member, reader) need not be repeated."""
    abac: tuple[AbacRule, ...] = ()
    """By the ABAC policy file; nothing follows from `rules`."""


class ProjectPattern(Record):
    """Projects by name; `*` matches any characters."""

    domain: KeystoneName = "*"
    """The domain's name."""
    project: KeystoneName = "*"
    """The project's name."""

    def takes(self, domain: str, project: str) -> bool:
        """Say whether a project of that name, in a domain of that name, is meant."""
        return fnmatchcase(domain, self.domain) and fnmatchcase(project, self.project)


class ProjectName(Record):
    """One project."""

    domain: KeystoneName = "Default"
    """The domain's name."""
    project: KeystoneName
    """The project's name."""


class Namespaces(Record):
    """How a project's namespace is called."""

    format: Format = "{project}"
    """Made of {project} and {domain}. A name that does not fit, or is taken, gets a suffix of its own."""
    reserved: tuple[Annotated[str, Field(min_length=1, max_length=63)], ...] = ()
    """Patterns of names that no project gets, beside default and kube-*."""
    adopt: dict[Name, ProjectName] = {}
    """Namespaces that were there before, and the project each is given to."""


class Removal(Record):
    """What becomes of a namespace whose project is gone. Rights in it go at once."""

    delete: bool = False
    """Whether it is deleted, with all that is in it, after the days of grace."""
    grace_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days from the run that first missed the project."""


class Guard(Record):
    """When a run changes nothing, because Keystone's answer is not plausible."""

    max_removed_percent: Percent = 20
    """Of the bindings that there are, at most this part is removed by one run..."""
    at_least: Annotated[int, Field(ge=0, le=100_000)] = 5
    """... but so many may always go."""


class Quotas(Record):
    """A ResourceQuota from each project's quotas in OpenStack."""

    cores_percent: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Nova's cores, as requests.cpu."""
    memory_percent: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Nova's ram, as requests.memory."""
    pods: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Pods at most, in every namespace."""


class Limits(Record):
    """A LimitRange: what a container gets that says nothing."""

    cpu: Quantity = "500m"
    """Limit of processor time."""
    memory: Quantity = "512Mi"
    """Limit of memory."""
    request_cpu: Quantity = "100m"
    """Request of processor time."""
    request_memory: Quantity = "128Mi"
    """Request of memory."""


class Deployer(Record):
    """Slipway's own login, which deploys into the tenants' namespaces."""

    user: Annotated[str, Matching(r"^[^@\x00-\x20]{1,253}$", "must be a Kubernetes user, without `@`")] = (
        "slipway"
    )
    """The user of connection slipway_kubernetes, as Kubernetes knows it."""
    cluster_role: Annotated[str, Field(min_length=1, max_length=253)] = "slipway-deployer"
    """The ClusterRole that it gets there."""


class AbacFile(Record):
    """The policy file of kube-apiserver's --authorization-policy-file."""

    path: Annotated[
        str,
        Matching(r"^/[^\x00-\x1f]*[^/\x00-\x1f]$", "must be the absolute path of a file", max_length=1024),
    ]
    """Where it is written, on the worker that runs tenant_sync."""
    discovery: bool = True
    """Whether everyone who is logged in may ask which APIs there are; kubectl does."""


class Policy(Record):
    """The policy as a whole."""

    version: Version
    """Version of this format."""
    name: Name = "tenants"
    """Marks what this policy has made: several policies on one cluster do not touch each other's."""
    roles: dict[KeystoneName, RoleRights] = Field(min_length=1)
    """What each role means, by its name in Keystone. Roles that are not here mean nothing."""
    only: tuple[ProjectPattern, ...] = (ProjectPattern(),)
    """Projects that are tenants; all when this is left out."""
    leave_out: tuple[ProjectPattern, ...] = ()
    """Of those, projects that are not."""
    namespaces: Namespaces = Namespaces()
    """Names."""
    removal: Removal = Removal()
    """Projects that are gone."""
    guard: Guard = Guard()
    """Implausible answers."""
    quotas: Quotas | None = None
    """ResourceQuotas; none when left out."""
    limits: Limits | None = None
    """LimitRanges; none when left out."""
    deployer: Deployer | None = None
    """Lets Slipway deploy into every tenant's namespace; when left out, someone else has to."""
    abac: AbacFile | None = None
    """The ABAC policy file; none when left out."""
    kubernetes: Literal["rbac", "namespaces"] = "rbac"
    """`namespaces` leaves roles and bindings alone: for a cluster that goes by the ABAC file."""

    @model_validator(mode="after")
    def _reserved_names_stay_reserved(self) -> Policy:
        for name in self.namespaces.adopt:
            if self.is_reserved(name):
                raise ValueError(f"namespaces.adopt: {name} is reserved; no project can have it")
        return self

    def is_reserved(self, namespace: str) -> bool:
        """Say whether no project may have a namespace of that name."""
        return any(fnmatchcase(namespace, one) for one in (*RESERVED, *self.namespaces.reserved))

    def takes(self, domain: str, project: str) -> bool:
        """Say whether a project is a tenant."""
        return any(one.takes(domain, project) for one in self.only) and not any(
            one.takes(domain, project) for one in self.leave_out
        )
