"""Items and their content together: what the routes ask for, each a whole or not at all."""

from __future__ import annotations

import mimetypes
import sqlite3
from collections.abc import Iterable

from lab.artifactory import content, items, properties, repositories
from lab.artifactory.checksums import Checksums, Claimed
from lab.artifactory.database import Database
from lab.artifactory.docker_view import DockerView
from lab.artifactory.filestore import Filestore, Spool
from lab.artifactory.item_path import ItemPath
from lab.artifactory.items import Content, Item
from lab.artifactory.property_syntax import Properties
from lab.artifactory.refusal import Refusal
from lab.artifactory.registry import Registry
from lab.artifactory.repositories import Repository
from lab.artifactory.settings import Settings


class Store:
    """Everything that one server keeps."""

    def __init__(self, settings: Settings) -> None:
        settings.root.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.files = Filestore(settings.root)
        self.db = Database(settings.root / "artifactory.db")
        registry = None
        if settings.registry_url and settings.registry_login:
            registry = Registry(settings.registry_url, settings.registry_login)
        self.docker = DockerView(self.db, self.files, registry)
        with self.db.writing() as db:
            for repository in repositories.GIVEN:
                repositories.ensure(db, repository, settings.login.user)
        content.sweep_everything(self.db, self.files)

    def repository(self, key: str) -> Repository:
        """Return a repository.

        :raises Refusal: 404 when there is none.
        """
        with self.db.reading() as db:
            if (found := repositories.find(db, key)) is None:
                raise Refusal(404, f"Could not find repository '{key}'.")
            return found

    def look(self, at: ItemPath) -> None:
        """Bring what is known of ``at`` up to date, before it is read.

        :raises Refusal: 404 for an unknown repository; 503 when the Docker registry is away.
        """
        if self.repository(at.repo).is_docker:
            self.docker.look(at)

    def get(self, at: ItemPath) -> tuple[Item, Properties]:
        """Return an item as it is now, and its properties.

        :raises Refusal: 404 when there is none.
        """
        self.look(at)
        with self.db.reading() as db:
            item = items.get(db, at)
            return item, properties.of(db, item)

    def search(
        self, condition: str, values: Iterable[str | int], within: ItemPath | None = None
    ) -> list[tuple[Item, Properties]]:
        """Return the items that meet an SQL condition (see :func:`items.where`), with their properties.

        :param within: where all of them are, if that is known: the rest is not brought up to date.
        :raises Refusal: 503 when the Docker registry is away.
        """
        with self.db.reading() as db:
            found = repositories.every(db)
        for repository in found:
            whole = ItemPath(repository.key)
            if within is None or whole.holds(within):
                self.look(within or whole)
        with self.db.reading() as db:
            return [(item, properties.of(db, item)) for item in items.where(db, condition, values)]

    def annotate(
        self, at: ItemPath, given: Properties, *, removing: Iterable[str] = (), recursive: bool
    ) -> None:
        """Set and remove properties of an item and, when ``recursive``, of all below it.

        :raises Refusal: 404 when there is none.
        """
        self.look(at)
        with self.db.writing() as db:
            meant = [items.get(db, at), *(items.below(db, at) if recursive else [])]
            properties.put(db, meant, given)
            properties.remove(db, meant, removing)

    def check_target(self, at: ItemPath, *, folder: bool = False) -> None:
        """Check that something may be deployed to ``at``.

        :raises Refusal: 404 for an unknown repository; 400 at a repository itself, or in a Docker repository;
            409 when a folder (or file) is there.
        """
        if self.repository(at.repo).is_docker:
            raise Refusal(400, f"'{at.repo}' is a Docker repository: push to it with a Docker client.")
        if at.is_root:
            raise Refusal(400, f"A path inside of repository '{at.repo}' is expected.")
        with self.db.reading() as db:
            if (found := items.find(db, at)) is not None and found.is_folder != folder:
                wanted, there = ("folder", "file") if folder else ("file", "folder")
                raise Refusal(409, f"Expected a {wanted} but found a {there}: '{at}'")

    def deploy(self, at: ItemPath, spool: Spool, claimed: Claimed, given: Properties, user: str) -> Item:
        """Make or overwrite file ``at`` with what came in.

        :raises Refusal: 409 when the content is not what the client claimed.
        """
        checksums = spool.finish()
        claimed.verify(checksums, str(at))
        with self.db.writing() as db:
            content.keep(db, self.files, spool, checksums)
            file = _file(at, checksums, spool.size, claimed)
            item, freed = _put(db, at, file, given, user)
        content.sweep(self.db, self.files, freed)
        return item

    def deploy_by_checksum(self, at: ItemPath, claimed: Claimed, given: Properties, user: str) -> Item:
        """Make or overwrite file ``at`` with content that is here already.

        :raises Refusal: 404 when it is not, so that the client sends it; 409 when checksums contradict.
        """
        if claimed.address is None:
            raise Refusal(404, "Checksum deploy failed. No header has a valid SHA-256 or SHA-1 checksum.")
        kind, value = claimed.address
        with self.db.writing() as db:
            if (found := content.find(db, self.files, kind, value)) is None:
                raise Refusal(404, f"Checksum deploy failed. No existing file with {kind.upper()}: {value}")
            checksums, size = found
            claimed.verify(checksums, str(at))
            item, freed = _put(db, at, _file(at, checksums, size, claimed), given, user)
        content.sweep(self.db, self.files, freed)
        return item

    def make_folder(self, at: ItemPath, given: Properties, user: str) -> Item:
        """Make folder ``at``, with those above it."""
        with self.db.writing() as db:
            item = items.ensure_folder(db, at, user)
            properties.put(db, [item], given)
        return item

    def delete(self, at: ItemPath) -> None:
        """Remove an item with all below it; of a repository, what it holds.

        :raises Refusal: 404 when there is none.
        """
        self.look(at)
        if self.repository(at.repo).is_docker:
            self.docker.delete(at)
        with self.db.writing() as db:
            items.get(db, at)
            freed = items.remove(db, at)
        content.sweep(self.db, self.files, freed)


def _file(at: ItemPath, checksums: Checksums, size: int, claimed: Claimed) -> Content:
    mime = mimetypes.guess_type(at.name)[0] or "application/octet-stream"
    return Content(checksums, size, claimed.original(checksums), mime)


def _put(
    db: sqlite3.Connection, at: ItemPath, file: Content, given: Properties, user: str
) -> tuple[Item, set[str]]:
    before = items.find(db, at)
    item = items.put_file(db, at, file, user)
    if given:
        properties.replace(db, item, given)
    freed = {before.content.checksums.sha256} if before and before.content else set()
    return item, freed - {file.checksums.sha256}
