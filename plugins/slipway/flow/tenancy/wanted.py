"""The wanted state of the cluster: namespaces, rights of roles in them, limits.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from slipway.flow.kubernetes.objects import Json
from slipway.flow.tenancy.directory import Directory, Project, Role, User, members
from slipway.flow.tenancy.identity import role_group, username
from slipway.flow.tenancy.names import Owned, allot, fingerprint, slug
from slipway.flow.tenancy.policy import Deployer, Policy, RoleRights

TENANCY = "slipway.io/tenancy"
"""Label: the policy that made an object."""
PROJECT = "slipway.io/project"
"""Label of a namespace: the id of its project."""
PROJECT_NAME = "slipway.io/project-name"
MEMBERS = "slipway.io/members"
GONE_SINCE = "slipway.io/project-gone-since"
RBAC = "rbac.authorization.k8s.io"
SHOWN_MEMBERS = 50


class Grant(NamedTuple):
    """A role of Keystone's that means something, for one project, in one of its namespaces."""

    namespace: str
    project_id: str
    role: Role
    rights: RoleRights

    @property
    def group(self) -> str:
        """Who has it: the group that the webhook gives to tokens with this role in this project."""
        return role_group(self.project_id, self.role.id)


@dataclass
class WantedTenancy:
    """The state to bring about, and what a person should know of it."""

    grants: list[Grant] = field(default_factory=list)
    objects: list[Json] = field(default_factory=list)
    """In the order in which they can be made."""
    kept: dict[str, str] = field(default_factory=dict)
    """Namespaces of projects that are there but have no rights now, and why."""
    notes: list[str] = field(default_factory=list)


def wanted(
    directory: Directory,
    policy: Policy,
    existing: Mapping[str, Owned],
    quotas: Mapping[str, Mapping[str, int]] | None = None,
) -> WantedTenancy:
    """Return what a reading of Keystone and the policy want.

    :param existing: every namespace of the cluster, by name.
    :param quotas: of OpenStack, by project id: ``cores`` and ``ram`` (MiB), without those that are unlimited.
    """
    tenants, out = _tenants(directory, policy)
    done = WantedTenancy()
    allotment = allot(directory, tenants, existing, policy)
    done.notes += _unknown_roles(directory, policy) + allotment.notes
    for project_id, reason in out.items():
        done.kept |= dict.fromkeys(allotment.of_project.get(project_id, ()), reason)
    places = [
        (project, name) for project in tenants for name in sorted(allotment.of_project.get(project.id, ()))
    ]
    ending = {name for _, name in places if name in existing and existing[name].terminating}
    done.notes += [f"namespace {name} is being deleted; a later run creates it again" for name in ending]
    places = [(project, name) for project, name in places if name not in ending]
    who = members(directory)
    done.grants = _grants(directory, policy, places, who)
    done.objects += [_namespace(directory, policy, project, name) for project, name in places]
    if policy.kubernetes == "rbac":
        done.objects += [_cluster_role(policy, name) for name in sorted(policy.roles)]
        done.objects += [
            _binding(directory, policy, one, who[one.project_id, one.role.id]) for one in done.grants
        ]
        if policy.deployer is not None:
            done.objects += [_deployer(policy, policy.deployer, name) for _, name in places]
    for project, name in places:
        done.objects += _limits(policy, name, (quotas or {}).get(project.id, {}))
    return done


def role_name(policy: Policy, keystone_role: str) -> str:
    """Return the name of the ClusterRole of a role, and of its bindings."""
    made = slug(keystone_role)
    name = made if made == keystone_role else f"{made or 'role'}-{fingerprint(keystone_role)}"
    return f"slipway:{policy.name}:{name}"


def _tenants(directory: Directory, policy: Policy) -> tuple[list[Project], dict[str, str]]:
    """Return the projects that are tenants, and of the others why not, by id."""
    tenants, out = [], {}
    for project in sorted(directory.projects.values(), key=lambda one: one.id):
        domain = directory.domains.get(project.domain_id)
        if domain is None or not policy.takes(domain.name, project.name):
            out[project.id] = "the policy excludes its project"
        elif not directory.is_enabled(project):
            out[project.id] = "its project is disabled"
        else:
            tenants.append(project)
    return tenants, out


def _unknown_roles(directory: Directory, policy: Policy) -> list[str]:
    known = {role.name for role in directory.roles.values() if role.domain_id is None}
    return [
        f"role {name!r} of the policy does not exist in Keystone; ignored"
        for name in sorted(policy.roles)
        if name not in known
    ]


def _grants(
    directory: Directory,
    policy: Policy,
    places: Sequence[tuple[Project, str]],
    who: Mapping[tuple[str, str], list[User]],
) -> list[Grant]:
    """Return a grant for each role that means something and that someone has, in every namespace."""
    meaning = sorted(
        (
            (role, policy.roles[role.name])
            for role in directory.roles.values()
            if role.domain_id is None and role.name in policy.roles
        ),
        key=lambda pair: pair[0],
    )
    return [
        Grant(name, project.id, role, rights)
        for project, name in places
        for role, rights in meaning
        if (project.id, role.id) in who
    ]


def _namespace(directory: Directory, policy: Policy, project: Project, name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {TENANCY: policy.name, PROJECT: project.id},
            "annotations": {PROJECT_NAME: directory.full_name(project)},
        },
    }


def _cluster_role(policy: Policy, keystone_role: str) -> Json:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role_name(policy, keystone_role), "labels": {TENANCY: policy.name}},
        "rules": [
            {"apiGroups": list(rule.api_groups), "resources": list(rule.resources), "verbs": list(rule.verbs)}
            for rule in policy.roles[keystone_role].rules
        ],
    }


def _binding(directory: Directory, policy: Policy, grant: Grant, users: Sequence[User]) -> Json:
    name = role_name(policy, grant.role.name)
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": name,
            "namespace": grant.namespace,
            "labels": {TENANCY: policy.name},
            "annotations": {MEMBERS: _shown(directory, users)},
        },
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": grant.group}],
    }


def _deployer(policy: Policy, deployer: Deployer, namespace: str) -> Json:
    """No user of Keystone's is called so: theirs have an ``@``, which a policy's may not."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"slipway:{policy.name}::deployer",
            "namespace": namespace,
            "labels": {TENANCY: policy.name},
        },
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": deployer.cluster_role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": deployer.user}],
    }


def _shown(directory: Directory, users: Sequence[User]) -> str:
    """Name the members, for people who look at the binding; rights do not come from it."""
    names = [username(one.name, directory.domains[one.domain_id].name) for one in users[:SHOWN_MEMBERS]]
    more = [f"and {len(users) - SHOWN_MEMBERS} more"] if len(users) > SHOWN_MEMBERS else []
    return ", ".join(names + more)


def _limits(policy: Policy, namespace: str, quota: Mapping[str, int]) -> list[Json]:
    metadata = {"name": f"slipway-{policy.name}", "namespace": namespace, "labels": {TENANCY: policy.name}}
    found: list[Json] = []
    if policy.quotas is not None and (hard := _hard(policy, quota)):
        found.append(
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
        )
    if (limits := policy.limits) is not None:
        item = {
            "type": "Container",
            "default": {"cpu": limits.cpu, "memory": limits.memory},
            "defaultRequest": {"cpu": limits.request_cpu, "memory": limits.request_memory},
        }
        found.append(
            {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [item]}}
        )
    return found


def _hard(policy: Policy, quota: Mapping[str, int]) -> dict[str, str]:
    assert policy.quotas is not None
    hard = {}
    if "cores" in quota:
        hard["requests.cpu"] = f"{quota['cores'] * policy.quotas.cores_percent * 10}m"
    if "ram" in quota:
        hard["requests.memory"] = f"{quota['ram'] * policy.quotas.memory_percent * 1024 // 100}Ki"
    if policy.quotas.pods is not None:
        hard["pods"] = str(policy.quotas.pods)
    return hard
