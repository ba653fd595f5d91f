"""The Docker repositories: what a Docker registry holds, seen as Artifactory shows images.

Repository ``docker-local/app`` of the registry is folder ``app`` of Docker repository ``docker-local``; each
tag is a folder with a ``manifest.json``, and a manifest that is asked for by digest is in a folder
``sha256:<hex>``. Before anything is read, the rows of what is asked for are brought up to date with the
registry, so that properties, searches and deletions work on them as on any other file. Layers are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.artifactory import content, items, manifest_path, properties
from lab.artifactory.database import Database
from lab.artifactory.filestore import Filestore
from lab.artifactory.item_path import ItemPath
from lab.artifactory.items import Content
from lab.artifactory.manifest_path import MANIFEST, ManifestPath
from lab.artifactory.registry import Manifest, Registry


class DockerView:
    """Rows of images, kept like the registry; without a registry there are no images."""

    def __init__(self, database: Database, files: Filestore, registry: Registry | None) -> None:
        self._db = database
        self._files = files
        self._registry = registry

    def look(self, at: ItemPath) -> None:
        """Bring ``at``, and what is below it, up to date.

        :raises Refusal: 503 when the registry is away.
        """
        if self._registry is None:
            return
        if at.name == MANIFEST:
            named = [manifest_path.find(at)]
        else:
            named = [manifest_path.find(at.child(MANIFEST)), *self._below(self._registry, at)]
        for manifest in named:
            if manifest is not None:
                self._refresh(self._registry, manifest)

    def delete(self, at: ItemPath) -> None:
        """Delete the manifests at or below ``at`` from the registry."""
        if self._registry is None:
            return
        with self._db.reading() as db:
            known = [items.get(db, at), *items.below(db, at)]
        for item in known:
            if (manifest := manifest_path.find(item.at)) is not None:
                self._registry.delete_tag(manifest.name, manifest.reference)

    def _below(self, registry: Registry, at: ItemPath) -> set[ManifestPath]:
        """Return the manifests below ``at``: those that are known, and those that the registry has."""
        with self._db.reading() as db:
            paths = [manifest_path.find(item.at) for item in items.below(db, at)]
        return {manifest for manifest in paths if manifest is not None} | set(_tagged(registry, at))

    def _refresh(self, registry: Registry, manifest: ManifestPath) -> None:
        """Bring one manifest's row up to date."""
        digest = registry.find_digest(manifest.name, manifest.reference)
        with self._db.reading() as db:
            known = items.find(db, manifest.at)
        if known is not None and known.content and digest == f"sha256:{known.content.checksums.sha256}":
            return
        current = registry.find_manifest(manifest.name, manifest.reference) if digest else None
        if current is not None:
            self._show(manifest, current, registry.user)
        elif known is not None:
            self._forget(manifest.at)

    def _show(self, manifest: ManifestPath, current: Manifest, user: str) -> None:
        spool = self._files.spool()
        try:
            spool.write(current.body)
            checksums = spool.finish()
            file = Content(checksums, spool.size, checksums.to_json(), "application/json")
            with self._db.writing() as db:
                content.keep(db, self._files, spool, checksums)
                item = items.put_file(db, manifest.at, file, user)
                properties.replace(db, item, _properties(manifest, current))
        finally:
            spool.discard()

    def _forget(self, at: ItemPath) -> None:
        """Remove a manifest that is gone, with the folders that are empty without it."""
        with self._db.writing() as db:
            items.remove(db, at)
            folder = at.parent
            while not folder.is_root and not items.children(db, folder):
                items.remove(db, folder)
                folder = folder.parent


def _tagged(registry: Registry, at: ItemPath) -> Iterator[ManifestPath]:
    for name in registry.names():
        key, _, image = name.partition("/")
        folder = ItemPath(key, image)
        if image and (at.holds(folder) or folder.holds(at)):
            for tag in registry.tags(name):
                manifest = manifest_path.find(folder.child(tag).child(MANIFEST))
                if manifest is not None and at.holds(manifest.at):
                    yield manifest


def _properties(manifest: ManifestPath, current: Manifest) -> dict[str, tuple[str, ...]]:
    """Return what Artifactory itself writes on a manifest."""
    return {
        "docker.manifest": (manifest.reference,),
        "docker.manifest.digest": (current.digest,),
        "docker.manifest.type": (current.media_type,),
        "docker.repoName": (manifest.image,),
        "sha256": (current.digest.removeprefix("sha256:"),),
    }
