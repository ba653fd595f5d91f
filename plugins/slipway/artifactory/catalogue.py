"""Images in Artifactory: their properties and their build-info.

https://jfrog.com/help/r/jfrog-rest-apis/set-item-properties and .../build-upload
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import requests
from artifactory import ArtifactoryPath

from slipway.artifactory.errors import retried, told
from slipway.flow.image import Image
from slipway.flow.platforms import PLATFORMS
from slipway.flow.record import CommitId

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Checksums:
    """Of a file, as Artifactory computed them."""

    sha256: str
    sha1: str
    md5: str


@dataclass(frozen=True)
class Catalogue:
    """One Artifactory; ``docker``, ``docker_remote`` and ``generic`` are keys of its repositories."""

    url: str
    login: str
    password: str = field(repr=False)
    docker: str = "docker-local"
    docker_remote: str = "docker-remote"
    generic: str = "generic-local"

    def manifest_path(self, image: Image, tag: str) -> str:
        """Return the path of an image's manifest: ``KEY/TENANT/APPLICATION/TAG/manifest.json``."""
        _, _, place = image.reference.partition("/")
        return str(PurePosixPath(place.partition("@")[0], tag, "manifest.json"))

    def path_of(self, image: Image, commit: CommitId) -> str:
        """Return the path whose properties say what is known of an image that was handed on for a commit."""
        in_files = PLATFORMS[image.platform].in_files
        return image.reference if in_files else self.manifest_path(image, commit)

    def page(self, path: str) -> str:
        """Return the address at which a person finds ``path``."""
        return f"{self.url}/{path}"

    @retried
    def version(self) -> str:
        """Return Artifactory's version; the login is checked on the way."""
        with told("its version"):
            answer = requests.get(f"{self.url}/api/system/version", auth=self.auth, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return str(answer.json().get("version", "of unknown version"))

    @retried
    def checksums(self, path: str) -> Checksums:
        """Return a file's checksums.

        :raises ArtifactoryError: when there is no such file.
        """
        with told(path):
            found = self.at(path).stat()
        return Checksums(sha256=found.sha256, sha1=found.sha1, md5=found.md5)

    @retried
    def annotate(self, path: str, properties: Mapping[str, str]) -> None:
        """Set properties of a file; others that it has stay.

        :raises ArtifactoryError: when there is no such file, or the login may not annotate.
        """
        with told(f"properties of {path}"):
            self.at(path).update_properties({key: [value] for key, value in properties.items()})

    @retried
    def publish_build(self, document: Mapping[str, Any]) -> None:
        """Publish a build-info document; the same name, number and start again replace it."""
        with told(f"build-info {document.get('name')} {document.get('number')}"):
            answer = requests.put(
                f"{self.url}/api/build", json=document, auth=self.auth, timeout=TIMEOUT_SECONDS
            )
            answer.raise_for_status()

    @property
    def auth(self) -> tuple[str, str]:
        """User and password, as ``requests`` takes them."""
        return self.login, self.password

    def at(self, path: str) -> ArtifactoryPath:
        """Return the client's own object for ``path``."""
        return ArtifactoryPath(f"{self.url}/{path}", auth=self.auth, timeout=TIMEOUT_SECONDS)
