"""The repositories there are.

https://jfrog.com/help/r/jfrog-rest-apis/get-repository-configuration
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from lab.artifactory import items
from lab.artifactory.item_path import ItemPath


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

    def summary(self, base: str) -> dict[str, str]:
        """Return it as the API lists repositories; ``base`` is the server's address."""
        return {
            "key": self.key,
            "description": self.description,
            "type": "LOCAL",
            "url": f"{base}/{self.key}",
            "packageType": self.package_type.title(),
        }

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


GIVEN = (
    Repository("docker-local", "docker", "Built container images"),
    Repository("docker-remote", "docker", "Base images"),
    Repository("generic-local", "generic", "Files"),
    Repository("images", "generic", "VM and bare-metal images"),
)
"""The repositories there are from the start."""


def every(db: sqlite3.Connection) -> list[Repository]:
    """Return all repositories, by key."""
    rows = db.execute("SELECT key, package_type, description FROM repositories ORDER BY key")
    return [Repository(*row) for row in rows]


def find(db: sqlite3.Connection, key: str) -> Repository | None:
    """Return the repository ``key``, or None."""
    return next((repository for repository in every(db) if repository.key == key), None)


def ensure(db: sqlite3.Connection, repository: Repository, user: str) -> None:
    """Make a repository, unless it is there."""
    row = (repository.key, repository.package_type, repository.description)
    db.execute("INSERT OR IGNORE INTO repositories VALUES (?, ?, ?)", row)
    items.ensure_folder(db, ItemPath(repository.key), user)
