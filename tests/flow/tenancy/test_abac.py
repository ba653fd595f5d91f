"""The ABAC policy file: what kube-apiserver takes, and nothing else."""

from __future__ import annotations

import json

import pytest

from slipway.flow.tenancy import abac
from slipway.flow.tenancy.directory import Role
from slipway.flow.tenancy.policy import RoleRights
from slipway.flow.tenancy.wanted import Grant

RIGHTS = RoleRights.from_json({"abac": [{"resource": "pods", "readonly": False}, {"resource": "events"}]})
GRANTS = [Grant(name, f"p-{name}", Role("r1", "member"), RIGHTS) for name in ("b", "a")]
GROUP = "keystone:project:p:role:r"


def line(**spec: object) -> str:
    return json.dumps({"apiVersion": abac.VERSION, "kind": "Policy", "spec": spec})


def test_the_file_is_json_lines_in_an_order_of_its_own() -> None:
    text = abac.render(GRANTS, discovery=False)
    assert text == abac.render(reversed(GRANTS), discovery=False)
    specs = [json.loads(one)["spec"] for one in text.splitlines()]
    group = "keystone:project:p-a:role:r1"
    assert {"group": group, "namespace": "a", "apiGroup": "", "resource": "pods"} in specs
    assert {"group": group, "namespace": "a", "apiGroup": "", "resource": "events", "readonly": True} in specs
    assert len(specs) == 4
    abac.check(text)


def test_everyone_may_ask_which_apis_there_are_and_change_nothing() -> None:
    text = abac.render((), discovery=True)
    abac.check(text)
    specs = [json.loads(one)["spec"] for one in text.splitlines()]
    assert {spec["group"] for spec in specs} == {"system:authenticated"}
    assert all(spec["readonly"] for spec in specs)


def test_an_empty_file_and_comments_are_taken() -> None:
    abac.check("")
    abac.check("# nothing\n\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "must be apiVersion"),
        (json.dumps({"spec": {"group": GROUP}}), "must be apiVersion"),
        (json.dumps({"apiVersion": abac.VERSION, "kind": "Policy"}), "must have a spec"),
        (line(group=GROUP, namespace="a", resource="pods", verb="get"), "verb is not a field of a policy"),
        (line(group=GROUP, namespace="a", resource=["pods"]), "resource is not a field of a policy"),
        (line(group=GROUP, namespace="a", resource="pods", readonly="yes"), "readonly is not a field"),
        (line(group=GROUP, resource="pods"), "must name one namespace"),
        (line(group=GROUP, namespace="*", resource="pods"), "must name one namespace"),
        (line(group=GROUP, namespace="a"), "must name one namespace, and a resource"),
        (line(namespace="a", resource="pods"), "its subject must be a group"),
        (line(user="*", group=GROUP, namespace="a", resource="pods"), "its subject must be a group"),
        (line(group="*", namespace="a", resource="pods"), "its subject must be a group"),
        (line(group="system:masters", namespace="a", resource="pods"), "its subject must be a group"),
        (
            line(group="system:authenticated", nonResourcePath="*", readonly=True),
            "no read-only discovery path",
        ),
        (line(group="system:authenticated", nonResourcePath="/api"), "no read-only discovery path"),
        ("\n" + line(group=GROUP, namespace="a", resource="p" * 65_536), "line 2: it is longer"),
    ],
)
def test_a_line_that_kubernetes_refuses_or_that_gives_too_much_is_refused(text: str, says: str) -> None:
    with pytest.raises(abac.AbacError, match=says):
        abac.check(text)
