"""Slipway's roles for Airflow's FAB auth manager, as data. docs/permissions.md explains them.

A permission is an action on a resource. ``DAG:x`` and ``DAG Run:x`` are of one DAG; the others are of all
DAGs that the role may read, because FAB knows them no finer.
https://airflow.apache.org/docs/apache-airflow-providers-fab/stable/auth-manager/access-control.html
"""

from __future__ import annotations

from collections.abc import Iterable

from slipway.cli.answers import Json
from slipway.cli.starting import ROLLBACK
from slipway.cli.status import DEPLOY_DAG
from slipway.flow.followed import PUSH
from slipway.flow.platforms import PIPELINES

Permission = tuple[str, str]
"""Action, resource."""

READ, EDIT, CREATE, MENU = "can_read", "can_edit", "can_create", "menu_access"
BUILDING = tuple(PIPELINES.values())
DEPLOYING = (PUSH, DEPLOY_DAG, ROLLBACK)
BY_ITSELF = ("nightly_rebuild", "notify", "reap_orphans", "reconcile_pushes", "retention", "tenant_sync")

_FOLLOW = ("DAG Runs", "Task Instances", "Task Logs", "XComs", "Assets")
"""What is read of a run that is followed."""
_PAGES = (
    *("Website", "DAG Code", "DAG Dependencies", "DAG Versions", "DAG Warnings", "Asset Aliases"),
    *("ImportError", "HITL Detail", "My Profile"),
)
_MENUS = ("DAGs", "DAG Runs", "Task Instances", "Assets", "HITL Detail", "Browse", "Documentation", "Docs")


def _reading(dags: Iterable[str]) -> set[Permission]:
    return {(READ, name) for name in (*_FOLLOW, *(f"DAG:{dag}" for dag in dags))}


def _starting(dags: Iterable[str]) -> set[Permission]:
    """FAB lets a run be started by who may edit the DAG, which is to pause it, and create its runs."""
    return {one for dag in dags for one in ((EDIT, f"DAG:{dag}"), (CREATE, f"DAG Run:{dag}"))}


_SEEN = (*BUILDING, *DEPLOYING)
_IN_THE_UI = {(READ, page) for page in _PAGES} | {(MENU, menu) for menu in _MENUS}

ROLES: dict[str, frozenset[Permission]] = {
    "SlipwayViewer": frozenset(_reading((*_SEEN, *BY_ITSELF)) | _IN_THE_UI),
    "SlipwayBuilder": frozenset(_reading(_SEEN) | _starting(BUILDING)),
    "SlipwayStarter": frozenset(_reading(_SEEN) | _starting(_SEEN)),
    "SlipwayApprover": frozenset({(EDIT, "HITL Detail"), (READ, "HITL Detail"), (EDIT, f"DAG:{DEPLOY_DAG}")}),
}
"""By name: for those who look, who build, who deploy as well, and who let a release in. All but the first
have no pages of the UI: people are given them beside ``SlipwayViewer``."""


def actions(permissions: Iterable[Permission]) -> list[Json]:
    """Return permissions as FAB's API writes them."""
    return [{"action": {"name": action}, "resource": {"name": name}} for action, name in sorted(permissions)]


def permissions(role: Json) -> frozenset[Permission]:
    """Return the permissions of a role as FAB's API gives it."""
    return frozenset((one["action"]["name"], one["resource"]["name"]) for one in role["actions"])
