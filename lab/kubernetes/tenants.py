"""The lab's tenants on the cluster: a namespace each, in which the product may deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lab.kubernetes.api import Cluster, Object

TENANTS = ("demo", "other")
PRODUCT = "slipway"
LABEL = "slipway.io/lab"


def tenant_objects(recipe: Path, lab: str, *, logins: bool) -> Iterator[Object]:
    """Yield what the tenants need: their namespaces, and the product's rights if it has a login of its own.

    ``recipe`` is the product's own list of rights, ``lab`` names the lab that makes the namespaces.
    """
    yield from (_namespace(tenant, lab) for tenant in TENANTS)
    if logins:
        yield from yaml.safe_load_all(recipe.read_text())
        yield _binding("ClusterRoleBinding", "slipway-reader", {})
        yield from (_binding("RoleBinding", "slipway-deployer", {"namespace": tenant}) for tenant in TENANTS)


def has_tenants(cluster: Cluster) -> bool:
    """Say whether every tenant's namespace is there."""
    return all(cluster.find(f"/api/v1/namespaces/{tenant}") for tenant in TENANTS)


def remove_tenants(cluster: Cluster, lab: str) -> None:
    """Delete the namespaces that this lab has made on a cluster which is the user's."""
    for tenant in TENANTS:
        path = f"/api/v1/namespaces/{tenant}"
        found = cluster.find(path)
        if found and found["metadata"].get("labels", {}).get(LABEL) == lab:
            cluster.delete(path)


def _namespace(tenant: str, lab: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "labels": {LABEL: lab}}}


def _binding(kind: str, role: str, place: dict[str, str]) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": PRODUCT, **place},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": PRODUCT}],
    }
