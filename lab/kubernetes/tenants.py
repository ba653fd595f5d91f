"""The lab's tenants on the cluster: a namespace each, in which the product may deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab.kubernetes.api import Cluster

TENANTS = ("demo", "other")
PRODUCT = "slipway"
LABEL = "slipway.io/lab"


def ensure_namespaces(cluster: Cluster, lab: str) -> None:
    """Make the tenants' namespaces, marked as made by ``lab``; one that is there is left as it is.

    :raises LabError: when the API server refuses.
    """
    for tenant in TENANTS:
        if cluster.find(_path(tenant)) is None:
            cluster.apply(_namespace(tenant, lab))


def ensure_rights(cluster: Cluster, recipes: Path) -> None:
    """Give the product's two logins their rights, as ``recipes`` say them; the deployer's by namespace.

    :raises LabError: when the API server refuses.
    """
    for recipe in ("deployer.yaml", "tenants.yaml"):
        for role in yaml.safe_load_all((recipes / recipe).read_text()):
            cluster.apply(role)
    cluster.apply(_binding("ClusterRoleBinding", "slipway-reader", {}))
    cluster.apply(_binding("ClusterRoleBinding", "slipway-tenants", {}, "slipway-tenants"))
    for tenant in TENANTS:
        cluster.apply(_binding("RoleBinding", "slipway-deployer", {"namespace": tenant}))


def has_tenants(cluster: Cluster) -> bool:
    """Say whether every tenant's namespace is there."""
    return all(cluster.find(_path(tenant)) for tenant in TENANTS)


def remove_namespaces(cluster: Cluster, lab: str) -> None:
    """Delete the namespaces that this lab has made on a cluster which is the user's."""
    for tenant in TENANTS:
        found = cluster.find(_path(tenant))
        if found and found["metadata"].get("labels", {}).get(LABEL) == lab:
            cluster.delete(_path(tenant))


def _path(tenant: str) -> str:
    return f"/api/v1/namespaces/{tenant}"


def _namespace(tenant: str, lab: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "labels": {LABEL: lab}}}


def _binding(kind: str, role: str, place: dict[str, str], user: str = PRODUCT) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": user, **place},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
