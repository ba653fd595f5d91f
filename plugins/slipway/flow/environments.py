"""An environment of ``apps.yaml``: which refs go there, its cloud and cluster, and who lets releases in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from slipway.flow import ref_patterns
from slipway.flow.freezes import Freeze
from slipway.flow.record import Matching, Name, Record
from slipway.flow.windows import WindowText

CLOUD, CLUSTER = "slipway_openstack", "slipway_kubernetes"
"""The connections of an environment that names no others; images are built, and kept, in this cloud."""
ROLE = "role:"


def _readable(pattern: str) -> str:
    ref_patterns.check(pattern)
    return pattern


def _in_order(patterns: tuple[str, ...]) -> tuple[str, ...]:
    ref_patterns.check_order(patterns)
    return patterns


RefPattern = Annotated[
    str,
    Matching(
        r"^!?refs/(heads|tags)/[^\x00-\x20\x7f]+$",
        "must be a pattern of full ref names, starting with refs/heads/ or refs/tags/ (an exclusion with `!`"
        " before that), like refs/heads/main",
        max_length=256,
    ),
    AfterValidator(_readable),
]
RefPatterns = Annotated[tuple[RefPattern, ...], AfterValidator(_in_order)]
ConnectionName = Annotated[
    str,
    Matching(
        r"^slipway_[a-z0-9_]*[a-z0-9]$",
        "must be the name of a connection of Airflow that starts with slipway_, of lower-case letters, digits"
        " and `_`, like slipway_openstack_production",
        max_length=100,
    ),
]
Approver = Annotated[
    str,
    Matching(
        r"^(role:)?(?!role:)[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$",
        "must be the name of a user of Airflow, like alice, or of a role, like `role:release managers`",
        max_length=200,
    ),
]
DeployPolicy = Literal["automatic", "after_approval"]


class Approval(Record):
    """Who lets a release into an environment, until when, and what becomes of it without an answer."""

    by: tuple[Approver, ...] = Field(default=(), max_length=100)
    """Users and roles (``role:NAME``); whoever may answer required actions in Airflow when it is empty."""
    within: Annotated[float, Field(ge=0.001, le=8760)] = 72
    """Hours until there must be an answer."""
    otherwise: Literal["skip", "fail"] = "skip"
    """Without an answer: the release is not deployed, or its run fails as well."""


class Retention(Record):
    """For how long images stay that nothing runs and nobody holds."""

    good: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many of an environment's releases stay: those that were good last, what runs among them."""
    days: Annotated[int, Field(ge=0, le=36500)] = 30
    """What was built, or released, less than so many days ago stays."""


class Environment(Record):
    """A place to deploy to, and the refs that go there."""

    refs: RefPatterns
    """Patterns of full ref names: ``*`` stays inside one segment, ``**`` crosses segments, ``!`` excludes.
    None: only promotion and people bring releases here."""
    namespace: Name
    """The tenant's Kubernetes namespace; Slipway writes nowhere else."""
    tenant: Name | None = None
    """Whose the namespace is, when it is another one's than the application."""
    openstack: ConnectionName = CLOUD
    """Connection of the cloud; its project is where servers and nodes are."""
    kubernetes: ConnectionName = CLUSTER
    """Connection of the cluster."""
    deploy: DeployPolicy = "automatic"
    """Releases come at once, or after somebody approved them."""
    approval: Approval | None = None
    """Who approves; for `deploy: after_approval`."""
    windows: tuple[WindowText, ...] = Field(default=(), max_length=50)
    """When it takes releases: `Mon-Thu 09:00-16:00 Europe/Berlin`; always, without one."""
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=100)
    """When it takes none."""
    retention: Retention | None = None
    """Which of its releases stay; what is left out, the application says."""

    @model_validator(mode="after")
    def _approval_is_asked_for(self) -> Environment:
        if self.approval and self.deploy == "automatic":
            raise ValueError(
                "approval has no effect without `deploy: after_approval`: add that, or leave approval out"
            )
        return self

    @property
    def approvers(self) -> Approval | None:
        """Who lets releases in; None when nobody is asked."""
        return (self.approval or Approval()) if self.deploy == "after_approval" else None

    def takes(self, ref: str) -> bool:
        """Say whether a push to ``ref`` is deployed here."""
        return ref_patterns.takes(self.refs, ref)

    @property
    def named_refs(self) -> tuple[str, ...]:
        """The refs that it takes by their full names."""
        named = (one for one in self.refs if ref_patterns.is_one_ref(one))
        return tuple(dict.fromkeys(one for one in named if self.takes(one)))
