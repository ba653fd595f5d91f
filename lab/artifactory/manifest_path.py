"""Where Docker repositories show manifests: ``<image>/<tag or digest>/manifest.json``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.artifactory.item_path import ItemPath

MANIFEST = "manifest.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IMAGE = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True)
class ManifestPath:
    """A manifest's item, and what its path says."""

    at: ItemPath
    image: str
    reference: str

    @property
    def name(self) -> str:
        """The name of the image's repository in the registry."""
        return f"{self.at.repo}/{self.image}"


def find(at: ItemPath) -> ManifestPath | None:
    """Read ``at`` as a manifest's path; None when it is no such path."""
    image, _, reference = at.parent.path.rpartition("/")
    if at.name != MANIFEST or not _IMAGE.fullmatch(image):
        return None
    if not (_TAG.fullmatch(reference) or _DIGEST.fullmatch(reference)):
        return None
    return ManifestPath(at, image, reference)
