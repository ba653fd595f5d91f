"""A complete reading of Keystone: users, projects, roles, and who has which role in which project.

Plain tuples: a cloud has tens of thousands of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from slipway.flow.record import SlipwayError


class ImplausibleError(SlipwayError):
    """Keystone's answer is not believed: it would take away too much."""


class Domain(NamedTuple):
    """A domain; names of projects and users are unique inside of one."""

    id: str
    name: str
    enabled: bool = True


class Project(NamedTuple):
    """A project that is no domain."""

    id: str
    name: str
    domain_id: str
    enabled: bool = True


class User(NamedTuple):
    """A user."""

    id: str
    name: str
    domain_id: str
    enabled: bool = True


class Role(NamedTuple):
    """A role. One that belongs to a domain is never in a token: it only implies others."""

    id: str
    name: str
    domain_id: str | None = None


class Assignment(NamedTuple):
    """A role that a user has in a project: directly, through a group, inherited, or implied by another."""

    user_id: str
    project_id: str
    role_id: str


@dataclass(frozen=True)
class Directory:
    """One reading of Keystone.

    It was changed while it was read, perhaps: an assignment may name what is not there.
    """

    domains: Mapping[str, Domain]
    projects: Mapping[str, Project]
    users: Mapping[str, User]
    roles: Mapping[str, Role]
    assignments: Collection[Assignment]

    def is_enabled(self, project: Project) -> bool:
        """Say whether Keystone gives tokens for a project: it and its domain are enabled."""
        domain = self.domains.get(project.domain_id)
        return project.enabled and domain is not None and domain.enabled

    def may_log_in(self, user: User) -> bool:
        """Say whether Keystone gives tokens to a user: they and their domain are enabled."""
        domain = self.domains.get(user.domain_id)
        return user.enabled and domain is not None and domain.enabled

    def full_name(self, of: Project | User) -> str:
        """Return ``name@domain``, for people."""
        domain = self.domains.get(of.domain_id)
        return f"{of.name}@{domain.name if domain else of.domain_id}"


def require_whole(directory: Directory) -> None:
    """Refuse a reading in which something is missing that no Keystone is without.

    :raises ImplausibleError: naming it.
    """
    for name in ("domains", "projects", "users", "roles", "assignments"):
        if not getattr(directory, name):
            raise ImplausibleError(
                f"nothing was changed: Keystone returned no {name}. Check Keystone, and that the login of "
                "connection slipway_keystone may read everything (role reader on the system)"
            )


def members(directory: Directory) -> dict[tuple[str, str], list[User]]:
    """Return who has a role in a project, by project id and role id, in the order of their names.

    Only what Keystone would give a token for counts: everything that it names is there and enabled.
    """
    usable = {user.id for user in directory.users.values() if directory.may_log_in(user)}
    places = {project.id for project in directory.projects.values() if directory.is_enabled(project)}
    roles = {role.id for role in directory.roles.values() if role.domain_id is None}
    found: dict[tuple[str, str], set[str]] = {}
    for user_id, project_id, role_id in directory.assignments:
        if user_id in usable and project_id in places and role_id in roles:
            found.setdefault((project_id, role_id), set()).add(user_id)
    return {
        key: sorted((directory.users[one] for one in users), key=lambda user: (user.name, user.id))
        for key, users in found.items()
    }
