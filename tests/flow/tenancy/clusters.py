"""A cluster as far as rights go: objects applied, and Kubernetes' own rules for who may do what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slipway.flow.kubernetes.objects import Json
from slipway.flow.tenancy.difference import Key, difference, key_of
from slipway.flow.tenancy.directory import Directory
from slipway.flow.tenancy.names import Owned
from slipway.flow.tenancy.policy import Policy
from slipway.flow.tenancy.wanted import GONE_SINCE, PROJECT, TENANCY, WantedTenancy, wanted

VERBS = ("get", "list", "create", "delete")
RESOURCES = (("", "pods"), ("", "secrets"), ("apps", "deployments"))


@dataclass
class FakeCluster:
    """Objects by their names."""

    objects: dict[Key, Json] = field(default_factory=dict)

    def put(self, name: str, **labels: str) -> None:
        """Make a namespace."""
        body = {"kind": "Namespace", "metadata": {"name": name, "labels": dict(labels), "annotations": {}}}
        self.objects[key_of(body)] = body

    def namespaces(self, policy: Policy) -> dict[str, Owned]:
        """The namespaces, whose they are by their labels."""
        found = {}
        for key, body in self.objects.items():
            labels = body["metadata"].get("labels", {})
            mine = labels.get(TENANCY) == policy.name
            if key.kind == "Namespace":
                found[key.name] = Owned(key.name, labels.get(PROJECT) if mine else None)
        return found

    def sync(self, directory: Directory, policy: Policy, now: datetime) -> WantedTenancy:
        """Bring about what a reading wants."""
        want = wanted(directory, policy, self.namespaces(policy))
        changes = difference(want, list(self.objects.values()), policy, now)
        for key in changes.delete:
            del self.objects[key]
            if key.kind == "Namespace":
                self.objects = {one: body for one, body in self.objects.items() if one.namespace != key.name}
        for key, since in changes.mark.items():
            annotations = self.objects[key]["metadata"].setdefault("annotations", {})
            annotations.pop(GONE_SINCE, None)
            annotations |= {GONE_SINCE: since} if since else {}
        for body in changes.apply:
            self.objects[key_of(body)] = _merged(self.objects.get(key_of(body)), body)
        return want

    def allowed(self, groups: tuple[str, ...]) -> Iterator[tuple[str, str, str, str]]:
        """Yield each (namespace, verb, API group, resource) that RBAC allows to ``groups``."""
        for key, body in self.objects.items():
            if key.kind == "RoleBinding" and any(one["name"] in groups for one in body["subjects"]):
                role = self.objects[Key("ClusterRole", "", body["roleRef"]["name"])]
                for verb in VERBS:
                    for api_group, resource in RESOURCES:
                        if any(_rule_allows(rule, verb, api_group, resource) for rule in role["rules"]):
                            yield key.namespace, verb, api_group, resource


def abac_allows(
    text: str,
    username: str,
    groups: tuple[str, ...],
    verb: str,
    namespace: str,
    api_group: str,
    resource: str,
) -> bool:
    """Decide as kube-apiserver's ABAC authorizer does, line by line.

    https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/auth/authorizer/abac/abac.go
    """
    for line in text.splitlines():
        spec: Mapping[str, Any] = json.loads(line)["spec"]
        user, group = spec.get("user", ""), spec.get("group", "")
        subject = (user or group) and user in ("", "*", username) and (not group or group in ("*", *groups))
        readonly = verb in ("get", "list", "watch") or not spec.get("readonly", False)
        place = spec.get("namespace", "") in ("*", namespace) and spec.get("resource", "") in ("*", resource)
        if subject and readonly and place and spec.get("apiGroup", "") in ("*", api_group):
            return True
    return False


def _rule_allows(rule: Mapping[str, Any], verb: str, api_group: str, resource: str) -> bool:
    return (
        bool({"*", verb} & set(rule["verbs"]))
        and bool({"*", api_group} & set(rule["apiGroups"]))
        and bool({"*", resource} & set(rule["resources"]))
    )


def _merged(live: Json | None, body: Json) -> Json:
    if live is None:
        return json.loads(json.dumps(body))  # type: ignore[no-any-return]
    metadata = dict(live["metadata"])
    for part in ("labels", "annotations"):
        metadata[part] = metadata.get(part, {}) | body["metadata"].get(part, {})
    return {**live, **json.loads(json.dumps(body)), "metadata": metadata}
