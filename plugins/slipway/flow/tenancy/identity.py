"""The Kubernetes user of a Keystone token: name, uid, groups.

The token document is Keystone's answer to ``GET /v3/auth/tokens``:
https://docs.openstack.org/api-ref/identity/v3/#validate-and-show-information-for-token
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from slipway.flow.record import SlipwayError

PREFIX = "keystone:"
"""What every group begins with: none of Kubernetes' own (``system:...``) does."""


class StrangeTokenError(SlipwayError):
    """Keystone's answer is not a token document."""


@dataclass(frozen=True)
class Identity:
    """A token's user as Kubernetes knows it, and until when."""

    username: str
    uid: str
    groups: tuple[str, ...]
    extra: Mapping[str, tuple[str, ...]]
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return ``status.user`` of a TokenReview."""
        extra = {key: list(values) for key, values in self.extra.items()}
        return {"username": self.username, "uid": self.uid, "groups": list(self.groups), "extra": extra}


def username(name: str, domain: str) -> str:
    """Return ``user@domain``, each percent-encoded: no two users have the same, none looks like another.

    There is an ``@`` in it and no ``:``, so that none is one of Kubernetes' own users.
    """
    return f"{quote(name, safe='')}@{quote(domain, safe='')}"


def role_group(project_id: str, role_id: str) -> str:
    """Return the group of those who have a role in a project; rights are given to it."""
    return f"{PREFIX}project:{project_id}:role:{role_id}"


def identity(document: Any) -> Identity:
    """Read a token document.

    A token without a project (unscoped, of a domain, of the system) has no role here.

    :raises StrangeTokenError: when it lacks something.
    """
    try:
        token = document["token"]
        user, project = token["user"], token.get("project")
        domain = user["domain"]
        in_project = project is not None and not token.get("is_domain")
        return Identity(
            username=username(_text(user["name"]), _text(domain.get("name") or domain["id"])),
            uid=_text(user["id"]),
            groups=_groups(domain, project if in_project else None, token),
            extra=_extra(project if in_project else None, token),
            expires_at=_moment(token["expires_at"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StrangeTokenError(
            f"Keystone's answer is not a token document ({type(error).__name__}). Check that the address is "
            "Keystone's."
        ) from None


def _groups(domain: Any, project: Any, token: Any) -> tuple[str, ...]:
    groups = [f"{PREFIX}domain:{_text(domain['id'])}"]
    if project is not None:
        project_id = _text(project["id"])
        groups.append(f"{PREFIX}project:{project_id}")
        groups += sorted(role_group(project_id, _text(role["id"])) for role in token.get("roles") or ())
    return tuple(groups)


def _extra(project: Any, token: Any) -> dict[str, tuple[str, ...]]:
    """For audit logs: Kubernetes takes keys in lower case only."""
    extra: dict[str, tuple[str, ...]] = {}
    if token.get("audit_ids"):
        extra["slipway.io/audit-id"] = (_text(token["audit_ids"][0]),)
    if project is not None:
        extra["slipway.io/project"] = (_text(project["name"]),)
        extra["slipway.io/roles"] = tuple(sorted(_text(role["name"]) for role in token.get("roles") or ()))
    if credential := token.get("application_credential"):
        extra["slipway.io/application-credential"] = (_text(credential["id"]),)
    return extra


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(_text(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
