"""Whatever Keystone looks like, and however it changes: nobody may do more than it and the policy say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.tenancy import abac
from slipway.flow.tenancy.identity import identity
from slipway.flow.tenancy.policy import Policy
from slipway.flow.tenancy.wanted import PROJECT, TENANCY
from tests.examples import examples
from tests.flow.tenancy.clusters import RESOURCES, VERBS, FakeCluster, abac_allows
from tests.flow.tenancy.keystones import PROJECTS, ROLES, USERS, Cloud, clouds, torn

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
POLICY = Policy.from_json(
    {
        "version": 1,
        "roles": {
            "member": {
                "rules": [{"resources": ["pods"], "verbs": ["*"]}],
                "abac": [{"resource": "pods", "readonly": False}],
            },
            "reader": {
                "rules": [
                    {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
                    {"resources": ["*"], "verbs": ["get"]},
                ],
                "abac": [{"api_group": "apps", "resource": "deployments"}],
            },
        },
        "leave_out": [{"project": "de-mo"}],
        "removal": {"delete": True, "grace_days": 1},
        "abac": {"path": "/etc/abac"},
    }
)
FOREIGN = ("default", "kube-system", "monitoring", "demo")
NAMES = {role.id: role.name for role in ROLES}


def says(policy: Policy, roles: set[str], verb: str, api_group: str, resource: str) -> bool:
    """What the policy says of roles, read off it."""
    return any(
        {verb, "*"} & set(rule.verbs)
        and {resource, "*"} & set(rule.resources)
        and {api_group, "*"} & set(rule.api_groups)
        for role in roles
        if NAMES[role] in policy.roles
        for rule in policy.roles[NAMES[role]].rules
    )


def abac_says(policy: Policy, roles: set[str], verb: str, api_group: str, resource: str) -> bool:
    return any(
        (verb in ("get", "list") or not rule.readonly)
        and rule.resource == resource
        and rule.api_group == api_group
        for role in roles
        if NAMES[role] in policy.roles
        for rule in policy.roles[NAMES[role]].abac
    )


def require_no_more(cluster: FakeCluster, text: str, cloud: Cloud, policy: Policy) -> None:
    """Try every login of a Keystone on everything in the cluster."""
    owners = cluster.namespaces(policy)
    for user in USERS:
        for project in PROJECTS:
            if (document := cloud.token(user, project)) is None:
                continue
            who, roles = identity(document), cloud.roles_of(user, project)
            for namespace, verb, api_group, resource in cluster.allowed(who.groups):
                assert owners[namespace].project_id == project
                assert namespace not in FOREIGN
                assert says(policy, roles, verb, api_group, resource)
            for namespace in owners:
                for verb in VERBS:
                    for api_group, resource in RESOURCES:
                        asked = (verb, namespace, api_group, resource)
                        if abac_allows(text, who.username, who.groups, *asked):
                            assert owners[namespace].project_id == project
                            assert namespace not in FOREIGN
                            assert abac_says(policy, roles, verb, api_group, resource)


def foreign() -> FakeCluster:
    cluster = FakeCluster()
    for name in FOREIGN:
        cluster.put(name)
    return cluster


@examples(250)
@given(st.data(), clouds(), clouds(), clouds())
def test_rights_are_at_most_keystones_and_the_policys(
    data: st.DataObject, first: Cloud, second: Cloud, later: Cloud
) -> None:
    """One Keystone is synced; the next is read while it changes; tokens are of one that has changed since."""
    cluster = foreign()
    readings = [first.directory(), data.draw(torn(first, second)), second.directory()]
    for day, directory in enumerate(readings):
        want = cluster.sync(directory, POLICY, NOON + timedelta(days=day))
        text = abac.render(want.grants, discovery=True)
        abac.check(text)
        for cloud in (first, second, later):
            require_no_more(cluster, text, cloud, POLICY)


@examples(100)
@given(clouds())
def test_everyone_has_what_keystone_and_the_policy_say(cloud: Cloud) -> None:
    """The other half, so that nobody having any rights would not do."""
    cluster = foreign()
    cluster.sync(cloud.directory(), POLICY, NOON)
    owned = {one.project_id: one.name for one in cluster.namespaces(POLICY).values() if one.project_id}
    for user in USERS:
        for project, namespace in owned.items():
            if document := cloud.token(user, project):
                allowed = set(cluster.allowed(identity(document).groups))
                roles = cloud.roles_of(user, project)
                for verb in VERBS:
                    for api_group, resource in RESOURCES:
                        if says(POLICY, roles, verb, api_group, resource):
                            assert (namespace, verb, api_group, resource) in allowed


@examples(100)
@given(clouds())
def test_a_second_run_changes_nothing(cloud: Cloud) -> None:
    cluster = foreign()
    cluster.sync(cloud.directory(), POLICY, NOON)
    before = dict(cluster.objects)
    text = abac.render(cluster.sync(cloud.directory(), POLICY, NOON).grants, discovery=True)
    assert cluster.objects == before
    assert text == abac.render(cluster.sync(cloud.directory(), POLICY, NOON).grants, discovery=True)


@examples(100)
@given(clouds(), clouds())
def test_a_project_keeps_its_namespace_and_shares_it_with_nobody(first: Cloud, second: Cloud) -> None:
    cluster = foreign()
    cluster.sync(first.directory(), POLICY, NOON)
    before = {one.project_id: one.name for one in cluster.namespaces(POLICY).values() if one.project_id}
    cluster.sync(second.directory(), POLICY, NOON)
    after = [one.project_id for one in cluster.namespaces(POLICY).values() if one.project_id]
    assert len(after) == len(set(after))
    for project, namespace in before.items():
        body = next(
            body for key, body in cluster.objects.items() if (key.kind, key.name) == ("Namespace", namespace)
        )
        assert body["metadata"]["labels"] == {TENANCY: POLICY.name, PROJECT: project}


@examples(100)
@given(clouds())
def test_another_policys_namespaces_are_not_touched(cloud: Cloud) -> None:
    cluster = foreign()
    other = POLICY.model_copy(update={"name": "other"})
    cluster.sync(cloud.directory(), other, NOON)
    before = dict(cluster.objects)
    cluster.sync(cloud.directory(), POLICY, NOON)
    assert {key: body for key, body in cluster.objects.items() if key in before} == before
