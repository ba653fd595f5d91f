"""The plan of a release on a platform, of the platform's own type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slipway.flow.deployment import Deployment
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.platforms import Platform

ReleasePlan = KubernetesPlan | NovaPlan | IronicPlan
PLAN_TYPES: Mapping[Platform, type[ReleasePlan]] = {
    "container": KubernetesPlan,
    "vm": NovaPlan,
    "bare_metal": IronicPlan,
}


def read_plan(platform: Platform, value: Any) -> ReleasePlan:
    """Return the plan that a task handed on as JSON.

    :raises pydantic.ValidationError: when it is none of the platform's.
    """
    return PLAN_TYPES[platform].from_json(value)


def deployed(
    plan: ReleasePlan, where: str, since: datetime, replaced: str | None, url: str = ""
) -> Deployment:
    """Return what runs now that a plan was kept.

    :param where: the object that runs it.
    :param replaced: digest of the image that ran before.
    """
    return Deployment(
        push=plan.push,
        application=plan.application,
        environment=plan.environment,
        platform=plan.image.platform,
        image=plan.image,
        where=where,
        url=url,
        replaced=replaced,
        since=since,
    )
