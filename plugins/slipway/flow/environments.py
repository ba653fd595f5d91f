"""What an environment of ``apps.yaml`` has of its own: a cloud, a cluster, and who lets releases in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.flow.record import Matching, Record

CLOUD, CLUSTER = "slipway_openstack", "slipway_kubernetes"
"""The connections of an environment that names no others; images are built, and kept, in this cloud."""
ROLE = "role:"

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
