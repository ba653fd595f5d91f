"""Derives role assignments from the stored ones: through groups, by inheritance, by implication.

Keystone reckons the same (``role_assignments?effective``), for minutes where there are 50,000 of them:
https://docs.openstack.org/api-ref/identity/v3/#list-role-assignments
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from slipway.flow.tenancy.directory import Assignment


class StoredAssignment(NamedTuple):
    """A role as it was given: to a user or a group, in a project or domain, or in all projects below it."""

    actor_id: str
    place_id: str
    role_id: str
    to_group: bool = False
    inherited: bool = False


def effective(
    stored: Iterable[StoredAssignment],
    members: Mapping[str, Collection[str]],
    implied: Mapping[str, Collection[str]],
    parents: Mapping[str, str | None],
) -> set[Assignment]:
    """Return which roles users have in projects.

    :param members: of groups: users by group id.
    :param implied: the roles that a role implies at once, by its id.
    :param parents: of projects: the project or domain above each.
    """
    children: dict[str, list[str]] = {}
    for project_id, parent_id in parents.items():
        children.setdefault(parent_id or "", []).append(project_id)
    below: dict[str, list[str]] = {}
    meant: dict[str, frozenset[str]] = {}
    found: set[Assignment] = set()
    for one in stored:
        if one.role_id not in meant:
            meant[one.role_id] = frozenset(_reached(one.role_id, implied))
        if one.inherited and one.place_id not in below:
            below[one.place_id] = _reached(one.place_id, children)[1:]
        places = below[one.place_id] if one.inherited else [one.place_id] * (one.place_id in parents)
        for user_id in members.get(one.actor_id, ()) if one.to_group else (one.actor_id,):
            found.update(Assignment(user_id, place, role) for place in places for role in meant[one.role_id])
    return found


def _reached(start: str, following: Mapping[str, Collection[str]]) -> list[str]:
    """Return ``start`` and all that follows from it, each once, whatever circles there are."""
    found = {start: None}
    waiting = [start]
    while waiting:
        for one in following.get(waiting.pop(), ()):
            if one not in found:
                found[one] = None
                waiting.append(one)
    return list(found)
