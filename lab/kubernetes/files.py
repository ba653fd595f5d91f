"""Writes the files a node reads: certificates, logins, settings."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab.kubernetes import node
from lab.kubernetes.certificates import ensure_certificates
from lab.kubernetes.dns import corefile
from lab.kubernetes.layout import NODE, SERVICE_API_ADDRESS, Layout
from lab.kubernetes.logins import USERS, ensure_tokens, kubeconfig, write_private


@dataclass(frozen=True)
class Registry:
    """The registry that pods' images come from (``host:port``), and the login to pull them with."""

    address: str
    user: str
    password: str


def write_files(layout: Layout, registry: Registry, logins: dict[str, Path]) -> None:
    """Write everything the node's components read, and the kubeconfigs in ``logins`` (user -> path).

    Keys and tokens that are there are kept, so a restarted node knows its old logins.
    """
    layout.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.kubelet.mkdir(parents=True, exist_ok=True, mode=0o750)
    ensure_certificates(layout.certificates, [NODE, SERVICE_API_ADDRESS], ["localhost"])
    authority = (layout.certificates / "authority.crt").read_bytes()
    for user, token in ensure_tokens(layout.tokens).items():
        path = logins.get(user, layout.kubeconfig(user))
        write_private(path, kubeconfig(layout.api_url, authority, USERS[user].name, token))
    write_private(layout.token_webhook, yaml.safe_dump(token_webhook(layout, authority)))
    write_private(layout.settings("kubelet"), yaml.safe_dump(node.kubelet_settings(layout)))
    write_private(layout.settings("proxy"), yaml.safe_dump(node.proxy_settings(layout)))
    write_private(layout.kubelet / "config.json", json.dumps(pull_login(registry)))
    if layout.programs.coredns is not None:
        write_private(layout.corefile, corefile(layout))


def token_webhook(layout: Layout, authority: bytes) -> dict[str, object]:
    """Return where ``slipway keystone-auth`` answers, in the form of a kubeconfig.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
    """
    cluster = {
        "server": f"https://{NODE}:{layout.ports.token_webhook}/slipway/keystone/tokenreviews",
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "keystone", "cluster": cluster}],
        "users": [{"name": "api-server", "user": {}}],
        "contexts": [{"name": "keystone", "context": {"cluster": "keystone", "user": "api-server"}}],
        "current-context": "keystone",
    }


def pull_login(registry: Registry) -> dict[str, object]:
    """Return docker's ``config.json``; the kubelet reads it in its root folder and pulls with it.

    So pods of every tenant can have images of the registry, and no tenant needs (or can read) its password.
    https://kubernetes.io/docs/concepts/containers/images/#configuring-nodes-to-authenticate-to-a-private-registry
    """
    login = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
    return {"auths": {registry.address: {"auth": login}}}
