"""Who may log in: the users of the cluster, their tokens, and a kubeconfig for each."""

from __future__ import annotations

import base64
import csv
import io
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.kubernetes.layout import NODE

CONTEXT = "slipway-lab"
"""The one context of every kubeconfig that the lab writes."""


@dataclass(frozen=True)
class User:
    """A user as Kubernetes knows it, with the groups that give it its roles."""

    name: str
    groups: tuple[str, ...] = ()


USERS: Mapping[str, User] = {
    "admin": User("admin", ("system:masters",)),
    "slipway": User("slipway"),
    "tenants": User("slipway-tenants"),
    "kubelet": User(f"system:node:{NODE}", ("system:nodes",)),
    "controller-manager": User("system:kube-controller-manager"),
    "scheduler": User("system:kube-scheduler"),
    "proxy": User("system:kube-proxy"),
    "dns": User("slipway-dns"),
}
"""Everybody with a token. ``slipway`` is the product, ``tenants`` its DAG that gives rights to tenants;
``admin`` is for people; the rest are the node's."""


def ensure_tokens(path: Path) -> dict[str, str]:
    """Return a token for each of :data:`USERS`; they are made once and kept in the API server's table."""
    kept = read_tokens(path.read_text()) if path.is_file() else {}
    tokens = {key: kept.get(key) or secrets.token_urlsafe(32) for key in USERS}
    write_private(path, token_table(tokens))
    return tokens


def token_table(tokens: Mapping[str, str]) -> str:
    """Return the text of ``--token-auth-file``.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    for key, token in tokens.items():
        user = USERS[key]
        table.writerow([token, user.name, key, ",".join(user.groups)])
    return text.getvalue()


def read_tokens(text: str) -> dict[str, str]:
    """Return the token of each user of a table that :func:`token_table` wrote."""
    return {row[2]: row[0] for row in csv.reader(io.StringIO(text)) if len(row) == 4}


def kubeconfig(url: str, authority: bytes, user: str, token: str, namespace: str = "default") -> str:
    """Return the text of a kubeconfig whose one context is ``user`` on the cluster at ``url``.

    https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
    """
    cluster = {"server": url, "certificate-authority-data": base64.b64encode(authority).decode()}
    context = {"cluster": "slipway-lab", "user": user, "namespace": namespace}
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "slipway-lab", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "current-context": CONTEXT,
    }
    return yaml.safe_dump(document, sort_keys=False)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` where only its owner can read it; readers see the old text or the new, never half."""
    aside = path.with_name(f".{path.name}.new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    aside.replace(path)
