"""The platforms' sides of a release, each built once with its plan.

An SDK is imported when it is needed: no release waits for all.
"""

from __future__ import annotations

from collections.abc import Mapping

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.plans import ReleasePlan, read_plan
from slipway.flow.platforms import Platform
from slipway.rollout.side import Json, Side


def sides_of(plans: Mapping[Platform, Json | None]) -> dict[Platform, Side[ReleasePlan]]:
    """Return each platform's side, for what ``release`` decided: those that have nothing to do have none."""
    return {name: side_of(read_plan(name, plan)) for name, plan in plans.items() if plan}


def side_of(plan: ReleasePlan) -> Side[ReleasePlan]:
    """Return the side of the platform that the plan is for."""
    match plan:
        case KubernetesPlan():
            from slipway.kubernetes.side import KubernetesSide

            return KubernetesSide(plan)
        case NovaPlan():
            from slipway.openstack.nova.side import NovaSide

            return NovaSide(plan)
        case IronicPlan():
            from slipway.openstack.ironic.side import IronicSide

            return IronicSide(plan)
