"""What a run would do, and when it does nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.flow.tenancy.difference import Changes, Key, difference, require_plausible_changes
from slipway.flow.tenancy.directory import (
    Assignment,
    Directory,
    Domain,
    ImplausibleError,
    Project,
    Role,
    User,
    require_whole,
)
from slipway.flow.tenancy.policy import Policy
from slipway.flow.tenancy.wanted import GONE_SINCE, MEMBERS, role_name, wanted
from tests.flow.tenancy.clusters import FakeCluster

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
MEMBER = {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}


def policy(**fields: Any) -> Policy:
    return Policy.from_json({"version": 1, "roles": {"member": MEMBER}, **fields})


def keystone(*projects: str, users: int = 1, enabled: bool = True) -> Directory:
    people = {f"u{n}": User(f"u{n}", f"user{n}", "default") for n in range(users)}
    return Directory(
        {"default": Domain("default", "Default")},
        {name: Project(name, name, "default", enabled) for name in projects},
        people,
        {"r1": Role("r1", "member")},
        [Assignment(user, name, "r1") for name in projects for user in people],
    )


def plan(cluster: FakeCluster, directory: Directory, rules: Policy, now: datetime = NOON) -> Changes:
    want = wanted(directory, rules, cluster.namespaces(rules))
    return difference(want, list(cluster.objects.values()), rules, now)


def test_the_first_run_makes_namespaces_roles_and_bindings() -> None:
    assert plan(FakeCluster(), keystone("shop"), policy()).lines == [
        "+ clusterrole slipway:tenants:member",
        "+ namespace shop (shop@Default)",
        "+ rolebinding shop/slipway:tenants:member (user0@Default)",
    ]


def test_a_binding_goes_when_its_last_member_goes() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop"), policy(), NOON)
    changes = plan(cluster, keystone("shop", users=0), policy())
    assert changes.lines == ["- rolebinding shop/slipway:tenants:member"]
    assert changes.delete == [Key("RoleBinding", "shop", "slipway:tenants:member")]


def test_a_disabled_project_loses_its_rights_and_keeps_its_namespace() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop"), policy(), NOON)
    changes = plan(
        cluster, keystone("shop", enabled=False), policy(removal={"delete": True, "grace_days": 1})
    )
    assert changes.lines == ["- rolebinding shop/slipway:tenants:member"]


def test_a_project_that_the_policy_leaves_out_loses_its_rights_and_keeps_its_namespace() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop"), policy(), NOON)
    changes = plan(cluster, keystone("shop"), policy(leave_out=[{"project": "sh*"}]))
    assert changes.lines == ["- rolebinding shop/slipway:tenants:member"]


def test_what_someone_changed_by_hand_is_put_right() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop"), policy(), NOON)
    binding = cluster.objects[Key("RoleBinding", "shop", "slipway:tenants:member")]
    binding["subjects"].append({"kind": "User", "name": "mallory"})
    assert plan(cluster, keystone("shop"), policy()).lines == [
        "~ rolebinding shop/slipway:tenants:member (user0@Default)"
    ]


def test_a_binding_to_another_role_is_made_anew() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop"), policy(), NOON)
    key = Key("RoleBinding", "shop", "slipway:tenants:member")
    cluster.objects[key]["roleRef"]["name"] = "cluster-admin"
    changes = plan(cluster, keystone("shop"), policy())
    assert changes.delete == [key]
    assert [body["kind"] for body in changes.apply] == ["RoleBinding"]


def test_a_namespace_is_kept_for_its_days_of_grace() -> None:
    cluster, rules = FakeCluster(), policy(removal={"delete": True, "grace_days": 7})
    cluster.sync(keystone("shop", "other"), rules, NOON)
    first = plan(cluster, keystone("other"), rules)
    assert first.lines == [
        "- rolebinding shop/slipway:tenants:member",
        "~ namespace shop: its project is gone; kept 7 days, then deleted",
    ]
    cluster.sync(keystone("other"), rules, NOON)
    assert not plan(cluster, keystone("other"), rules, NOON + timedelta(days=6, hours=23))
    after = plan(cluster, keystone("other"), rules, NOON + timedelta(days=7))
    assert after.delete == [Key("Namespace", "", "shop")]
    assert "with everything in it" in after.lines[0]


def test_a_namespace_is_never_deleted_unless_the_policy_says_so() -> None:
    cluster = FakeCluster()
    cluster.sync(keystone("shop", "other"), policy(), NOON)
    cluster.sync(keystone("other"), policy(), NOON)
    assert not plan(cluster, keystone("other"), policy(), NOON + timedelta(days=5000))


def test_a_project_that_comes_back_has_its_namespace_again() -> None:
    cluster = FakeCluster()
    for directory in (keystone("shop", "other"), keystone("other"), keystone("shop", "other")):
        cluster.sync(directory, policy(), NOON)
    annotations = cluster.objects[Key("Namespace", "", "shop")]["metadata"]["annotations"]
    assert GONE_SINCE not in annotations
    assert not plan(cluster, keystone("shop", "other"), policy())


@pytest.mark.parametrize("mark", ["yesterday", "2030-01-01T00:00:00"])
def test_a_mark_that_cannot_be_read_deletes_nothing(mark: str) -> None:
    cluster, rules = FakeCluster(), policy(removal={"delete": True, "grace_days": 1})
    cluster.sync(keystone("shop", "other"), rules, NOON)
    cluster.objects[Key("Namespace", "", "shop")]["metadata"]["annotations"][GONE_SINCE] = mark
    assert not plan(cluster, keystone("other"), rules, NOON + timedelta(days=100)).delete[1:]


def test_members_are_shown_and_a_long_list_is_cut() -> None:
    body = wanted(keystone("shop", users=60), policy(), {}).objects[-1]
    shown = body["metadata"]["annotations"][MEMBERS]
    assert shown.startswith("user0@Default, ")
    assert shown.endswith("and 10 more")


def test_slipways_own_login_may_deploy_into_every_tenants_namespace() -> None:
    want = wanted(keystone("shop", users=0), policy(deployer={}), {})
    [binding] = [body for body in want.objects if body["kind"] == "RoleBinding"]
    assert binding["metadata"]["namespace"] == "shop"
    assert binding["roleRef"]["name"] == "slipway-deployer"
    assert [(one["kind"], one["name"]) for one in binding["subjects"]] == [("User", "slipway")]


def test_slipways_own_login_is_none_that_a_user_of_keystone_could_have() -> None:
    with pytest.raises(ValueError, match="without `@`"):
        policy(deployer={"user": "slipway@Default"})


def test_a_disabled_users_role_gives_nothing() -> None:
    directory = keystone("shop")
    directory = Directory(
        directory.domains,
        directory.projects,
        {"u0": directory.users["u0"]._replace(enabled=False)},
        directory.roles,
        directory.assignments,
    )
    assert wanted(directory, policy(), {}).grants == []


def test_a_role_that_keystone_does_not_have_is_said() -> None:
    notes = wanted(keystone("shop"), policy(roles={"member": MEMBER, "memebr": MEMBER}), {}).notes
    assert notes == ["role 'memebr' of the policy does not exist in Keystone; ignored"]


def test_names_of_roles_are_told_apart() -> None:
    names = {role_name(policy(), name) for name in ("member", "Member", "member ", "Ü", "-", "_")}
    assert len(names) == 6


def test_quotas_are_compared_by_their_amount() -> None:
    rules = policy(quotas={"cores_percent": 50, "pods": 20}, limits={})
    cluster, quotas = FakeCluster(), {"shop": {"cores": 8, "ram": 2048}}
    want = wanted(keystone("shop"), rules, {}, quotas)
    [quota] = [body for body in want.objects if body["kind"] == "ResourceQuota"]
    assert quota["spec"]["hard"] == {"requests.cpu": "4000m", "requests.memory": "2097152Ki", "pods": "20"}
    live = [{**body} for body in want.objects]
    [index] = [n for n, body in enumerate(live) if body["kind"] == "ResourceQuota"]
    live[index] = quota | {
        "spec": {"hard": {"requests.cpu": "4", "requests.memory": "2Gi", "pods": "20"}},
        "status": {},
    }
    assert not difference(want, live, rules, NOON)
    live[index] = quota | {"spec": {"hard": {"requests.cpu": "5", "requests.memory": "2Gi", "pods": "20"}}}
    assert difference(want, live, rules, NOON).lines == ["~ resourcequota shop/slipway-tenants"]
    assert cluster.objects == {}


def test_too_many_removals_at_once_change_nothing() -> None:
    cluster, rules = FakeCluster(), policy(guard={"max_removed_percent": 20, "at_least": 2})
    names = [f"p{n}" for n in range(10)]
    cluster.sync(keystone(*names), rules, NOON)
    live = list(cluster.objects.values())
    few = plan(cluster, keystone(*names[2:]), rules)
    require_plausible_changes(rules.guard, few, live, rules)
    many = plan(cluster, keystone(*names[3:]), rules)
    with pytest.raises(
        ImplausibleError, match=r"nothing was changed: 6 of 20 bindings and namespaces would be removed"
    ):
        require_plausible_changes(rules.guard, many, live, rules)


def test_a_few_may_always_go() -> None:
    cluster, rules = FakeCluster(), policy()
    cluster.sync(keystone("shop"), rules, NOON)
    require_plausible_changes(
        rules.guard, plan(cluster, keystone("x"), rules), list(cluster.objects.values()), rules
    )


@pytest.mark.parametrize("empty", ["domains", "projects", "users", "roles", "assignments"])
def test_a_keystone_without_anything_is_not_believed(empty: str) -> None:
    directory = keystone("shop")
    require_whole(directory)
    parts = {
        name: getattr(directory, name) for name in ("domains", "projects", "users", "roles", "assignments")
    }
    with pytest.raises(ImplausibleError, match=f"nothing was changed: Keystone returned no {empty}"):
        require_whole(Directory(**{**parts, empty: {}}))
