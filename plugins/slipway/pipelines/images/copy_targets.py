"""Where a copy goes: each place knows what it has already, takes the rest as a sink, and verifies it."""

from __future__ import annotations

import logging
from typing import Protocol

from openstack.image.v2.image import Image

from slipway.artifactory.files import File, Files
from slipway.artifactory.transfer import FileUpload
from slipway.flow.property_keys import CloudKey, RegistryKey
from slipway.flow.record import SlipwayError
from slipway.openstack.glance.glance import Glance, NewImage
from slipway.openstack.glance.transfer import Upload, difference
from slipway.streams.hashes import Hashes
from slipway.streams.tee import Sink

log = logging.getLogger(__name__)


class CopyTarget(Protocol):
    """One of the places that a file goes to."""

    name: str

    def has_something(self) -> bool:
        """Whether a try before this one, or another run, left anything at this place."""

    def has(self, hashes: Hashes) -> bool:
        """Whether the bytes are there, or could be had there without sending them.

        :raises SlipwayError: when other bytes are, and others rely on them.
        """

    def sink(self, size: int) -> Sink:
        """Return where the bytes go."""

    def verify(self, hashes: Hashes) -> None:
        """Compare what came with what was sent."""

    def tidy(self) -> None:
        """Take away what is of no use after a failure; never fails itself."""


class InArtifactory:
    """The file at ``path``."""

    name = "artifactory"

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._upload: FileUpload | None = None

    def has_something(self) -> bool:
        return self._files.find(self._path) is not None

    def has(self, hashes: Hashes) -> bool:
        return self.find(hashes.sha256, hashes.digest) is not None

    def find(self, sha256: str, digest: str) -> File | None:
        """Return the file when Artifactory has its bytes, here or at another path."""
        there = self._files.find(self._path)
        if there is not None and there.digest == digest:
            return there
        self.refuse_if_published(there)
        if (known := self._files.deploy_known(self._path, sha256)) is not None:
            log.info("%s: Artifactory already has these bytes", self._path)
        return known

    def refuse_if_published(self, there: File | None) -> None:
        """Refuse to replace an image under its name.

        :raises SlipwayError: when ``there`` was handed on.
        """
        if there is not None and RegistryKey.PUBLISHED in self._files.properties(self._path):
            raise SlipwayError(
                f"{self._path} was meanwhile published from the same inputs with other bytes: "
                f"{there.digest}. Start the run again to use that image."
            )

    def sink(self, size: int) -> Sink:
        self._upload = FileUpload(self._files, self._path, size)
        return self._upload

    def verify(self, hashes: Hashes) -> None:
        assert self._upload is not None
        self._upload.verify(hashes)

    def tidy(self) -> None:
        pass  # Artifactory shows nothing of an upload that broke off


class InGlance:
    """The image that ``key`` names."""

    name = "glance"

    def __init__(self, glance: Glance, key: str, new: NewImage) -> None:
        self._glance = glance
        self._key = key
        self._new = new
        self._upload: Upload | None = None
        self.image: Image | None = None

    def has_something(self) -> bool:
        found = self._glance.find_key(self._key)
        return found is not None and found.status == "active"

    def has(self, hashes: Hashes) -> bool:
        found = self._glance.find_key(self._key)
        if found is None or found.status != "active":
            return False
        if (why := difference(found, hashes)) is None:
            log.info("image %s (%s): Glance already has these bytes", found.name, found.id)
            self._take_over(found)
            return True
        if not found.is_hidden:
            raise SlipwayError(
                f"image {found.name} ({found.id}) in Glance was built from the same inputs but has other "
                f"bytes: {why}. Start the run again: it uses that image if Artifactory has it; otherwise "
                "delete it in Glance once no server needs it."
            )
        log.info("image %s (%s) is of a try that did not finish: deleted", found.name, found.id)
        self._glance.delete(str(found.id))
        return False

    def sink(self, size: int) -> Sink:
        self.image = self._glance.ensure_image(self._key, self._new)
        self._upload = Upload(self._glance, self.image, size)
        return self._upload

    def verify(self, hashes: Hashes) -> None:
        assert self._upload is not None
        self.image = self._upload.verify(hashes)

    def tidy(self) -> None:
        """Delete an image whose bytes did not all come; a whole one serves the next try."""
        if self.image is not None:
            self._glance.discard(str(self.image.id))

    def _take_over(self, found: Image) -> None:
        """Let an unfinished image belong to the run that resumes it."""
        self.image = found
        if found.is_hidden and found.properties.get(CloudKey.RUN) != self._new.properties.get(CloudKey.RUN):
            self._glance.annotate(str(found.id), self._new.properties)
