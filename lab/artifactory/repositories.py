"""The repositories there are.

https://jfrog.com/help/r/jfrog-rest-apis/get-repository-configuration
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from lab.artifactory import items
from lab.artifactory.item_path import ItemPath
from lab.artifactory.refusal import Refusal

GIVEN = (("generic-local", "generic"), ("docker-local", "docker"), ("docker-remote", "docker"))
"""Repositories that are there from the start."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_PACKAGE_TYPES = ("generic", "docker")


@dataclass(frozen=True)
class Repository:
    """A local repository."""

    key: str
    package_type: str
    description: str = ""

    @property
    def is_docker(self) -> bool:
        """Say whether a Docker registry holds what is in it."""
        return self.package_type == "docker"

    def configuration(self) -> dict[str, Any]:
        """Return it as the API shows one repository."""
        return {
            "key": self.key,
            "rclass": "local",
            "packageType": self.package_type,
            "description": self.description,
            "notes": "",
            "includesPattern": "**/*",
            "excludesPattern": "",
            "repoLayoutRef": "simple-default",
            "checksumPolicyType": "client-checksums",
            "handleReleases": True,
            "handleSnapshots": True,
            "maxUniqueSnapshots": 0,
            "snapshotVersionBehavior": "unique",
            "suppressPomConsistencyChecks": True,
            "blackedOut": False,
            "propertySets": [],
            "archiveBrowsingEnabled": False,
            **({"dockerApiVersion": "V2"} if self.is_docker else {}),
        }


def every(db: sqlite3.Connection) -> list[Repository]:
    """Return all repositories, by key."""
    rows = db.execute("SELECT key, package_type, description FROM repositories ORDER BY key")
    return [Repository(*row) for row in rows]


def find(db: sqlite3.Connection, key: str) -> Repository | None:
    """Return the repository ``key``, or None."""
    return next((repository for repository in every(db) if repository.key == key), None)


def create(db: sqlite3.Connection, key: str, configuration: Any, user: str) -> Repository:
    """Make the repository that a request's body describes.

    :raises Refusal: 400 when it is there, or is none that can be made here.
    """
    given = configuration if isinstance(configuration, dict) else {}
    package_type = given.get("packageType", "generic")
    if find(db, key) is not None:
        raise Refusal(400, f"Repository '{key}' already exists; change it with POST.")
    if not _KEY.fullmatch(key) or given.get("key", key) != key:
        raise Refusal(400, f"Illegal repository key '{key[:80]}': letters, digits, '.', '_' and '-' only.")
    if given.get("rclass", "local") != "local" or package_type not in _PACKAGE_TYPES:
        raise Refusal(400, f"Only local repositories of package type {' or '.join(_PACKAGE_TYPES)} are here.")
    made = Repository(key, package_type, str(given.get("description") or ""))
    db.execute("INSERT INTO repositories VALUES (?, ?, ?)", (made.key, made.package_type, made.description))
    items.ensure_folder(db, ItemPath(key), user)
    return made


def delete(db: sqlite3.Connection, key: str) -> set[str]:
    """Remove a repository with all it holds; return SHA-256s that were let go."""
    freed = items.remove(db, ItemPath(key))
    db.execute("DELETE FROM items WHERE repo = ?", (key,))
    db.execute("DELETE FROM repositories WHERE key = ?", (key,))
    return freed
