"""Bytes into Artifactory and out of it, as the sink and the source of a stream."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import requests

from slipway.artifactory.catalogue import Checksums
from slipway.artifactory.errors import ArtifactoryError, TransientArtifactoryError, retried, told
from slipway.artifactory.files import File, Files
from slipway.streams.body import body
from slipway.streams.hashes import Hashes
from slipway.streams.tee import CHUNK, Source

CONNECT_SECONDS = 30
ANSWER_SECONDS = 900
"""How long Artifactory may take to put away what it got, and between two parts of what it sends."""
_TIMEOUT = (CONNECT_SECONDS, ANSWER_SECONDS)


class FileUpload:
    """A sink: what comes through becomes the file at ``path``, at once when it is complete.

    :param size: bytes that will come, if known.
    """

    def __init__(self, files: Files, path: str, size: int | None) -> None:
        self._files = files
        self._path = path
        self._size = size
        self._answer: dict[str, Any] = {}

    def __call__(self, chunks: Iterable[bytes]) -> None:
        """Send the chunks.

        :raises ArtifactoryError: when Artifactory refuses them.
        :raises TransientArtifactoryError: when the upload broke off.
        """
        with told(self._path):
            answer = self._files.request(
                "PUT",
                self._path,
                data=body(chunks, self._size),
                timeout=_TIMEOUT,
                allow_redirects=False,  # nothing would be left to send
            )
            answer.raise_for_status()
            if answer.status_code != requests.codes.created:
                raise ArtifactoryError(
                    f"Artifactory answered {answer.status_code} to the upload of {self._path}. Is the URL of "
                    "connection slipway_artifactory the final one, with https where it is served so?"
                )
            self._answer = answer.json()

    def verify(self, hashes: Hashes) -> File:
        """Compare what Artifactory says it got with what passed; a file of other bytes is deleted.

        :raises TransientArtifactoryError: when they differ.
        """
        told_back = self._answer.get("checksums", {})
        checksums = Checksums(*(str(told_back.get(kind, "")) for kind in ("sha256", "sha1", "md5")))
        file = File(self._path, checksums, int(self._answer.get("size", -1)))
        if (file.checksums.sha256, file.size) != (hashes.sha256, hashes.size):
            self._files.delete(self._path)
            raise TransientArtifactoryError(
                f"Artifactory received other bytes of {self._path} than were sent: {file.digest} and "
                f"{file.size} bytes, not {hashes.digest} and {hashes.size}. The file was deleted."
            )
        return file


def source(files: Files, path: str, digest: str | None = None) -> Source:
    """Open a file for one reading; its bytes are checked against Artifactory's checksum.

    :param digest: refuse any other bytes than these.
    :raises ArtifactoryError: when there is no such file.
    """
    response = _open(files, path)
    expected = f"sha256:{response.headers.get('X-Checksum-Sha256', '')}"
    length = response.headers.get("Content-Length")

    def check(hashes: Hashes) -> None:
        if hashes.digest != expected:
            raise TransientArtifactoryError(
                f"{path} was downloaded as {hashes.digest}, but Artifactory records {expected}"
            )
        if digest is not None and hashes.digest != digest:
            raise ArtifactoryError(
                f"{path} in Artifactory is {hashes.digest}, no longer {digest}. Start the run again to use "
                "the new file."
            )

    return Source(
        what=path,
        chunks=_chunks(response, path),
        size=int(length) if length and "Content-Encoding" not in response.headers else None,
        check=check,
    )


def head(files: Files, path: str, size: int) -> bytes:
    """Return the first ``size`` bytes of a file, or all that there are."""
    response = _open(files, path, {"Range": f"bytes=0-{size - 1}"})
    with told(path), response:
        return bytes(response.raw.read(size))


@retried
def _open(files: Files, path: str, headers: dict[str, str] | None = None) -> requests.Response:
    with told(path):
        # As it is kept: a proxy's compression would neither be the file's length nor its bytes.
        asked = {"Accept-Encoding": "identity", **(headers or {})}
        response = files.request("GET", path, headers=asked, stream=True, timeout=_TIMEOUT)
        if response.status_code == requests.codes.not_found:
            response.close()
            raise ArtifactoryError(f"Artifactory has no {path}. Correct the path, or put the file there.")
        response.raise_for_status()
        return response


def _chunks(response: requests.Response, path: str) -> Generator[bytes, None, None]:
    with told(path), response:
        yield from response.iter_content(CHUNK)
