"""Which namespace a project has.

A namespace is a project's because its label says the project's id; labels of namespaces are written by the
cluster's administrators alone. So a project keeps its namespace when it is renamed, and never gets one that
belongs to another project, or was there before.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.flow.tenancy.directory import Directory, Project
from slipway.flow.tenancy.policy import Policy

LONGEST = 40
"""As in ``apps.yaml``: every namespace that is made can be named there."""
SUFFIX = 8
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Owned:
    """A namespace of the cluster: its project by its labels (None without one), and whether it is ending."""

    name: str
    project_id: str | None = None
    terminating: bool = False


@dataclass
class Allotment:
    """Every tenant's namespaces, and why some have none."""

    of_project: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def slug(text: str) -> str:
    """Return ``text`` in lower-case letters, digits and single ``-``; perhaps nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def fingerprint(text: str, length: int = SUFFIX) -> str:
    """Return hexadecimal digits that stand for ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def wished(policy_format: str, project: str, domain: str) -> str | None:
    """Return the name that a project would get without competitors; None when its own does not fit."""
    made = policy_format.format(project=slug(project), domain=slug(domain))
    told = policy_format.format(project=project, domain=domain)
    return made if made == told and _NAME.fullmatch(made) else None


def own(policy_format: str, project: Project, domain: str) -> str:
    """Return a name that no other project can get."""
    made = slug(policy_format.format(project=slug(project.name), domain=slug(domain)))
    if not made[:1].isalpha():
        made = f"p-{made}" if made else "p"
    return f"{made[: LONGEST - SUFFIX - 1].rstrip('-')}-{fingerprint(project.id)}"


def allot(
    directory: Directory, tenants: Sequence[Project], existing: Mapping[str, Owned], policy: Policy
) -> Allotment:
    """Return which namespaces the tenants have, or are to get.

    :param existing: every namespace of the cluster, by name.
    """
    done = Allotment()
    for namespace in sorted(existing.values(), key=lambda one: one.name):
        if namespace.project_id is not None and not policy.is_reserved(namespace.name):
            done.of_project.setdefault(namespace.project_id, []).append(namespace.name)
    new = [project for project in tenants if project.id not in done.of_project]
    adopted = _adopted(directory, new, existing, policy, done)
    rest = [project for project in new if project.id not in adopted]
    names = _names(directory, rest, {*existing, *adopted.values()}, policy)
    for project in rest:
        name = names[project.id]
        if name is None:
            done.notes.append(
                f"project {directory.full_name(project)} gets no namespace: its name is reserved, or taken "
                "by another project. Rename the project, or change namespaces.format"
            )
        else:
            done.of_project[project.id] = [name]
    return done


def _names(
    directory: Directory, projects: Sequence[Project], taken: Collection[str], policy: Policy
) -> dict[str, str | None]:
    """Return a name for each project that has none: the one it wishes for, or one of its own."""
    wishes, owns = {}, {}
    for project in projects:
        domain = _domain(directory, project)
        wishes[project.id] = wished(policy.namespaces.format, project.name, domain)
        owns[project.id] = own(policy.namespaces.format, project, domain)
    wished_by, owned_by = Counter(wishes.values()), Counter(owns.values())
    found: dict[str, str | None] = {}
    for project in projects:
        wish, mine = wishes[project.id], owns[project.id]
        free = wish is not None and wished_by[wish] == 1 and wish not in owned_by and wish not in taken
        name = wish if free else mine
        usable = free or (owned_by[mine] == 1 and mine not in taken)
        reserved = policy.is_reserved(mine) or (wish is not None and policy.is_reserved(wish))
        found[project.id] = name if usable and not reserved else None
    return found


def _adopted(
    directory: Directory,
    new: Sequence[Project],
    existing: Mapping[str, Owned],
    policy: Policy,
    done: Allotment,
) -> dict[str, str]:
    """Give namespaces that ``namespaces.adopt`` names to their projects; return them by project id."""
    by_name = {(_domain(directory, project), project.name): project for project in new}
    adopted: dict[str, str] = {}
    for name, wanted in policy.namespaces.adopt.items():
        project = by_name.get((wanted.domain, wanted.project))
        if project is None:
            continue
        owner = existing[name].project_id if name in existing else None
        if owner is not None and owner != project.id:
            done.notes.append(
                f"namespace {name} is not given to project {directory.full_name(project)}: it belongs to "
                f"project {owner}. Remove its label slipway.io/project first"
            )
            continue
        adopted[project.id] = name
        done.of_project.setdefault(project.id, []).append(name)
    return adopted


def _domain(directory: Directory, project: Project) -> str:
    domain = directory.domains.get(project.domain_id)
    return domain.name if domain else project.domain_id
