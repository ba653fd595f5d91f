"""What Artifactory says of images: their properties and their build-info.

https://jfrog.com/help/r/jfrog-rest-apis/set-item-properties and .../build-upload
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import requests
from artifactory import ArtifactoryPath
from dohq_artifactory.exception import ArtifactoryException
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.artifactory.errors import ArtifactoryError, TransientArtifactoryError
from slipway.flow.image import Image

TIMEOUT_SECONDS = 30
SHOWN = 500

_retried = retry(
    retry=retry_if_exception_type(TransientArtifactoryError),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)


@dataclass(frozen=True)
class Checksums:
    """Of a file, as Artifactory computed them."""

    sha256: str
    sha1: str
    md5: str


@dataclass(frozen=True)
class Catalogue:
    """One Artifactory; ``docker`` and ``docker_remote`` are keys of its repositories."""

    url: str
    login: str
    password: str = field(repr=False)
    docker: str = "docker-local"
    docker_remote: str = "docker-remote"

    def manifest_path(self, image: Image, tag: str) -> str:
        """Return the path of an image's manifest: ``KEY/TENANT/APPLICATION/TAG/manifest.json``."""
        _, _, place = image.reference.partition("/")
        return str(PurePosixPath(place.partition("@")[0], tag, "manifest.json"))

    def page(self, path: str) -> str:
        """Return the address at which a person finds ``path``."""
        return f"{self.url}/{path}"

    @_retried
    def version(self) -> str:
        """Return Artifactory's version; the login is checked on the way."""
        with _told("its version"):
            answer = requests.get(f"{self.url}/api/system/version", auth=self._auth, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return str(answer.json().get("version", "of unknown version"))

    @_retried
    def checksums(self, path: str) -> Checksums:
        """Return a file's checksums.

        :raises ArtifactoryError: when there is no such file.
        """
        with _told(path):
            found = self._path(path).stat()
        return Checksums(sha256=found.sha256, sha1=found.sha1, md5=found.md5)

    @_retried
    def annotate(self, path: str, properties: Mapping[str, str]) -> None:
        """Set properties of a file; others that it has stay.

        :raises ArtifactoryError: when there is no such file, or the login may not annotate.
        """
        with _told(f"properties of {path}"):
            self._path(path).update_properties({key: [value] for key, value in properties.items()})

    @_retried
    def publish_build(self, document: Mapping[str, Any]) -> None:
        """Publish a build-info document; the same name, number and start again replace it."""
        with _told(f"build-info {document.get('name')} {document.get('number')}"):
            answer = requests.put(
                f"{self.url}/api/build", json=document, auth=self._auth, timeout=TIMEOUT_SECONDS
            )
            answer.raise_for_status()

    @property
    def _auth(self) -> tuple[str, str]:
        return self.login, self.password

    def _path(self, path: str) -> ArtifactoryPath:
        return ArtifactoryPath(f"{self.url}/{path}", auth=self._auth, timeout=TIMEOUT_SECONDS)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise ArtifactoryError(f"Artifactory has no {what}: was it deleted?") from error
    except (ArtifactoryException, requests.HTTPError) as error:
        cause = error if isinstance(error, requests.HTTPError) else error.__cause__
        response = getattr(cause, "response", None)
        status = getattr(response, "status_code", 0)
        said = f"{str(error)[:SHOWN]} {getattr(response, 'text', '')[:SHOWN]}".strip()
        if status == 429 or status >= 500 or not status:
            raise TransientArtifactoryError(f"Artifactory on {what}: {said}") from error
        cure = (
            ". Check user and password of connection slipway_artifactory, and that it may annotate"
            if status in (401, 403)
            else ""
        )
        raise ArtifactoryError(f"Artifactory refuses {what}: {status} {said}{cure}") from error
    except (requests.RequestException, OSError) as error:
        raise TransientArtifactoryError(f"Artifactory does not answer on {what}: {error}") from error
