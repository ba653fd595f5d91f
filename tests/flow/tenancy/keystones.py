"""Keystones of every shape, and what a real one would say of them, reckoned plainly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from slipway.flow.tenancy.assignments import StoredAssignment
from slipway.flow.tenancy.directory import Assignment, Directory, Domain, Project, Role, User
from slipway.flow.tenancy.names import fingerprint

DOMAINS = ("d1", "d2")
PROJECTS = ("p1", "p2", "p3", "p4")
USERS = ("u1", "u2", "u3")
GROUPS = ("g1", "g2")
ROLES = (Role("r1", "member"), Role("r2", "reader"), Role("r3", "auditor"), Role("r4", "member", "d1"))
NAMES = (
    *(
        "demo",
        "Demo",
        "DEMO",
        "demo ",
        "de-mo",
        "de--mo",
        "default",
        "defaul",
        "kube-system",
        "kube",
        "Kube-System",
    ),
    *(
        "kube-",
        "a" * 40,
        "a" * 41,
        "a" * 64,
        "Übung",
        "🚢",
        "-",
        "1",
        "system:masters",
        "a@b",
        "a b",
        "x/../y",
    ),
    *(f"demo-{fingerprint(project)}" for project in PROJECTS),
    *("monitoring", "K", "%40", "\u212a"),
)


@dataclass(frozen=True)
class Cloud:
    """What is stored in a Keystone; assignments are (actor, place, role, inherited)."""

    domains: dict[str, Domain]
    projects: dict[str, Project]
    users: dict[str, User]
    grants: frozenset[tuple[str, str, str, bool]] = frozenset()
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    implies: frozenset[tuple[str, str]] = frozenset()

    def roles_of(self, user: str, project: str) -> set[str]:
        """The ids of the roles that a user has in a project, whether it is enabled or not."""
        actors = {user} | {group for group, users in self.members.items() if user in users}
        domain = self.projects[project].domain_id
        found = {
            role
            for actor, place, role, inherited in self.grants
            if actor in actors and ((place == project and not inherited) or (place == domain and inherited))
        }
        for _ in ROLES:
            found |= {implied for prior, implied in self.implies if prior in found}
        return {role.id for role in ROLES if role.id in found and role.domain_id is None}

    def stored(self) -> list[StoredAssignment]:
        """The assignments, as Keystone lists them."""
        return [
            StoredAssignment(one[0], one[1], one[2], one[0] in GROUPS, one[3]) for one in sorted(self.grants)
        ]

    def implied(self) -> dict[str, list[str]]:
        """What a role implies at once, by its id."""
        return {prior: [role for other, role in self.implies if other == prior] for prior, _ in self.implies}

    def directory(self) -> Directory:
        """What the reader makes of it."""
        return Directory(
            domains=self.domains,
            projects=self.projects,
            users=self.users,
            roles={role.id: role for role in ROLES},
            assignments=frozenset(
                Assignment(user, project, role)
                for user in self.users
                for project in self.projects
                for role in self.roles_of(user, project)
            ),
        )

    def token(self, user_id: str, project_id: str) -> dict[str, Any] | None:
        """The token document of a login for a project; None when Keystone refuses it."""
        user, project = self.users.get(user_id), self.projects.get(project_id)
        if user is None or project is None:
            return None
        roles = self.roles_of(user_id, project_id)
        places = (self.domains[user.domain_id], self.domains[project.domain_id], user, project)
        if not roles or not all(one.enabled for one in places):
            return None
        named = {role.id: role.name for role in ROLES}
        return {
            "token": {
                "user": {"id": user.id, "name": user.name, "domain": self._domain(user.domain_id)},
                "project": {
                    "id": project.id,
                    "name": project.name,
                    "domain": self._domain(project.domain_id),
                },
                "roles": [{"id": role, "name": named[role]} for role in sorted(roles)],
                "expires_at": "2030-01-02T13:00:00.000000Z",
                "audit_ids": ["a"],
                "is_domain": False,
            }
        }

    def _domain(self, domain_id: str) -> dict[str, str]:
        return {"id": domain_id, "name": self.domains[domain_id].name}


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """Any Keystone of up to two domains, four projects and three users."""
    flags = st.sampled_from([True, True, True, False])
    names = st.one_of(st.sampled_from(("shop", "demo", "Shop")), st.sampled_from(NAMES))
    domains = {one: Domain(one, f"{draw(names)}-{one}", draw(flags)) for one in DOMAINS}
    projects = {
        one: Project(one, draw(names), draw(st.sampled_from(DOMAINS)), draw(flags))
        for one in draw(st.sets(st.sampled_from(PROJECTS)))
    }
    users = {
        one: User(one, draw(names), draw(st.sampled_from(DOMAINS)), draw(flags))
        for one in draw(st.sets(st.sampled_from(USERS)))
    }
    role = st.sampled_from([one.id for one in ROLES])
    grant = st.tuples(
        st.sampled_from((*USERS, *GROUPS)), st.sampled_from((*PROJECTS, *DOMAINS)), role, st.booleans()
    )
    return Cloud(
        domains,
        projects,
        users,
        grants=draw(st.frozensets(grant, max_size=12)),
        members={group: draw(st.frozensets(st.sampled_from(USERS))) for group in GROUPS},
        implies=draw(st.frozensets(st.tuples(role, role), max_size=3)),
    )


@st.composite
def torn(draw: st.DrawFn, before: Cloud, after: Cloud) -> Directory:
    """A reading during which one Keystone became the other: each list is of one of the two."""
    lists = {name: draw(st.sampled_from((before, after))).directory() for name in ("who", "where", "what")}
    return replace(
        lists["what"],
        users=lists["who"].users,
        projects=lists["where"].projects,
        domains=lists["who"].domains,
    )
