"""Keystone read whole, in a number of calls that grows with its domains and groups, and not with its users.

https://docs.openstack.org/api-ref/identity/v3/
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from keystoneauth1.session import Session

from slipway.flow.tenancy.assignments import StoredAssignment, effective
from slipway.flow.tenancy.directory import Directory, Domain, Project, Role, User
from slipway.openstack.errors import OpenstackError
from slipway.openstack.translation import Translation

log = logging.getLogger(__name__)

Json = dict[str, Any]


def read_directory(session: Session, url: str) -> Directory:
    """Return all domains, projects, users and roles, and who has which role in which project.

    Assignments are read first: who is disabled while this reads is then found disabled.

    :param url: Keystone's third API (``https://keystone.example.org/v3``).
    :raises OpenstackError: when the login may not read it, or Keystone leaves something out.
    :raises TransientOpenstackError: when Keystone does not answer.
    """
    keystone = _Keystone(session, url.rstrip("/"))
    stored = [one for entry in keystone.all("role_assignments") for one in _stored(entry)]
    groups = sorted({one.actor_id for one in stored if one.to_group})
    members = {group: [one["id"] for one in keystone.members(group)] for group in groups}
    implied = {
        one["prior_role"]["id"]: [role["id"] for role in one["implies"]]
        for one in keystone.all("role_inferences")
    }
    roles = {one["id"]: Role(one["id"], one["name"], one.get("domain_id")) for one in keystone.all("roles")}
    projects, parents = {}, {}
    for one in keystone.all("projects"):
        if not one.get("is_domain"):
            projects[one["id"]] = Project(one["id"], one["name"], one["domain_id"], one["enabled"])
            parents[one["id"]] = one.get("parent_id")
    domains = {one["id"]: Domain(one["id"], one["name"], one["enabled"]) for one in keystone.all("domains")}
    # Domain by domain: those with an identity backend of their own (LDAP) are not in the list of all.
    users = {
        one["id"]: User(one["id"], one["name"], domain_id, one.get("enabled", True))
        for domain_id in sorted(domains)
        for one in keystone.all("users", domain_id=domain_id)
    }
    assignments = effective(stored, members, implied, parents)
    log.info(
        "Keystone: %d domains, %d projects, %d users, %d roles, %d assignments in projects; %d calls, %.1f s",
        *(len(domains), len(projects), len(users), len(roles), len(assignments)),
        *(keystone.calls, keystone.seconds),
    )
    return Directory(domains, projects, users, roles, assignments)


def _stored(entry: Json) -> Iterator[StoredAssignment]:
    """Read one role assignment; those on the system say nothing about projects."""
    scope, kind = entry["scope"], "user" if "user" in entry else "group"
    place = scope.get("project") or scope.get("domain")
    if place is not None:
        inherited = scope.get("OS-INHERIT:inherited_to") == "projects"
        yield StoredAssignment(
            entry[kind]["id"], place["id"], entry["role"]["id"], kind == "group", inherited
        )


class _GoneError(OpenstackError):
    """There is no such thing (any more)."""


def _cure(status: int, _: str) -> str:
    return {
        401: "Renew the login of connection slipway_keystone",
        403: "The login of connection slipway_keystone may not read it. Give its user the role reader on the "
        "system: openstack role add --system all --user NAME reader",
        404: "Check that its address is that of the v3 API.",
    }.get(status, "")


_KEYSTONE = Translation("Keystone", _cure, others={404: _GoneError}, unknown=OpenstackError)


class _Keystone:
    """The lists of one Keystone."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._begun = time.monotonic()
        self.calls = 0

    @property
    def seconds(self) -> float:
        """How long this is going on."""
        return time.monotonic() - self._begun

    def members(self, group_id: str) -> Iterator[Json]:
        """Yield a group's users; a group that went meanwhile has none."""
        try:
            yield from self.all("users", f"groups/{quote(group_id, safe='')}/users")
        except _GoneError:
            return

    def all(self, what: str, path: str = "", **query: str) -> Iterator[Json]:
        """Yield the entries of a list, all pages of it; its path is its name unless it is given."""
        seen: set[str] = set()
        following: str | None = ""
        while following is not None:
            page = self._page(what, path or what, {**query, **dict(parse_qsl(urlsplit(following).query))})
            if page.get("truncated"):
                raise OpenstackError(
                    f"Keystone cuts off its list of {what}: raise or remove list_limit in keystone.conf"
                )
            yield from page[what]
            seen.add(following)
            following = (page.get("links") or {}).get("next")
            if following in seen:
                raise OpenstackError(f"Keystone's list of {what} has a page that links to itself")

    def _page(self, what: str, path: str, query: dict[str, str]) -> Json:
        self.calls += 1
        with _KEYSTONE.told(what):
            answer = self._session.get(
                f"{self._url}/{path}", params=query, headers={"Accept": "application/json"}
            )
        try:
            page = answer.json()
            if not isinstance(page, dict) or not isinstance(page.get(what), list):
                raise ValueError(what)
        except ValueError:
            raise OpenstackError(f"{self._url}/{what} did not answer with a list of {what}") from None
        return page
