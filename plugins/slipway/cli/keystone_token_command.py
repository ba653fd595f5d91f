"""``slipway keystone-token``: a kubectl credential plugin for OpenStack logins.

kubectl runs it, with the API version it wants in KUBERNETES_EXEC_INFO:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins

kubectl waits for it at every call, so a token that is kept is answered without importing OpenStack's SDK.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping

from slipway.cli import OK
from slipway.cli.token_store import TokenStore
from slipway.flow.errors import SlipwayError
from slipway.openstack.keystone.token import Token

GROUP = "client.authentication.k8s.io"
VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")


def run(options: argparse.Namespace) -> int:
    """Print an ExecCredential."""
    info = asked(os.environ)
    store = TokenStore.of(vars(options), os.environ)
    token = store.find()
    if token is None:
        from slipway.openstack.keystone.login import log_in

        token = log_in(options, ask_password=info["interactive"])
        store.keep(token)
    print(json.dumps(credential(info["version"], token)))
    return OK


def asked(environment: Mapping[str, str]) -> dict[str, object]:
    """Return what kubectl wants: the API version, and whether a person can be asked for a password.

    :raises SlipwayError: for a version that this does not speak.
    """
    text = environment.get("KUBERNETES_EXEC_INFO")
    if not text:
        return {"version": VERSIONS[0], "interactive": sys.stdin.isatty()}
    try:
        info = json.loads(text)
        version, spec = info["apiVersion"], info.get("spec") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SlipwayError("KUBERNETES_EXEC_INFO is not an ExecCredential: kubectl must set it.") from None
    if version not in VERSIONS:
        raise SlipwayError(
            f"kubectl asks for {version}, and this command supports {' and '.join(VERSIONS)}. Set apiVersion "
            "in the kubeconfig's `exec` to one of them."
        )
    # Before v1 nothing is said of it: kubectl hands on its own standard input.
    return {"version": version, "interactive": bool(spec.get("interactive", True)) and sys.stdin.isatty()}


def credential(version: object, token: Token) -> dict[str, object]:
    """Return the ExecCredential of a token."""
    status = {"token": token.text, "expirationTimestamp": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}
