"""The ABAC policy file: one JSON object a line.

https://kubernetes.io/docs/reference/access-authn-authz/abac/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from slipway.flow.record import SlipwayError
from slipway.flow.tenancy.identity import PREFIX
from slipway.flow.tenancy.wanted import Grant

VERSION, KIND = "abac.authorization.kubernetes.io/v1beta1", "Policy"
LONGEST_LINE = 64 * 1024
"""Bytes: kube-apiserver reads lines with a buffer of this size, and does not start when one is longer."""
EVERYONE = "system:authenticated"
DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi/*", "/version", "/version/")
"""The paths by which kubectl discovers resources."""
_TEXTS = ("user", "group", "apiGroup", "resource", "namespace", "nonResourcePath")


class AbacError(SlipwayError):
    """A policy file that kube-apiserver would refuse, or that gives more than a tenant may have."""


def render(grants: Iterable[Grant], *, discovery: bool) -> str:
    """Return the file's text; the same grants give the same bytes, whatever their order."""
    lines = {_line(spec) for grant in grants for spec in _specs(grant)}
    if discovery:
        lines |= {_line({"group": EVERYONE, "nonResourcePath": path, "readonly": True}) for path in DISCOVERY}
    return "".join(f"{line}\n" for line in sorted(lines))


def check(text: str) -> None:
    """See that kube-apiserver takes a file, and that it gives rights to tenants in namespaces alone.

    An unknown field, a wrong type or a line that is too long keeps the API server from starting; a line
    without a subject is ignored by it; one without a namespace is about the cluster itself.

    :raises AbacError: naming the line.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#") and (problem := _problem(line)):
            raise AbacError(f"ABAC policy, line {number}: {problem}. The last valid file is kept")


def _specs(grant: Grant) -> Iterable[dict[str, Any]]:
    for rule in grant.rights.abac:
        spec = {
            "group": grant.group,
            "namespace": grant.namespace,
            "apiGroup": rule.api_group,
            "resource": rule.resource,
        }
        yield spec | {"readonly": True} if rule.readonly else spec


def _line(spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": VERSION, "kind": KIND, "spec": spec}, separators=(",", ":"))


def _problem(line: str) -> str | None:
    if len(line.encode()) >= LONGEST_LINE:
        return f"it is longer than {LONGEST_LINE} bytes"
    try:
        found = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(found, dict) or (found.get("apiVersion"), found.get("kind")) != (VERSION, KIND):
        return f"must be apiVersion {VERSION}, kind {KIND}"
    spec = found.get("spec")
    if not isinstance(spec, dict) or found.keys() != {"apiVersion", "kind", "spec"}:
        return "must have a spec and no other field"
    wrong = [key for key in spec if key not in _TEXTS and key != "readonly"]
    wrong += [key for key in _TEXTS if not isinstance(spec.get(key, ""), str)]
    if wrong or not isinstance(spec.get("readonly", False), bool):
        return f"{', '.join(wrong) or 'readonly'} is not a field of a policy, or has the wrong type"
    return _excess(spec)


def _excess(spec: dict[str, Any]) -> str | None:
    if "nonResourcePath" in spec:
        fine = spec == {"group": EVERYONE, "nonResourcePath": spec["nonResourcePath"], "readonly": True}
        return None if fine and spec["nonResourcePath"] in DISCOVERY else "no read-only discovery path"
    if not spec.get("group", "").startswith(PREFIX) or "user" in spec:
        return f"its subject must be a group that starts with {PREFIX}"
    if spec.get("namespace", "") in ("", "*") or not spec.get("resource"):
        return "must name one namespace, and a resource"
    return None
