"""Files in Artifactory: streamed in and out, known by their checksums, never sent twice.

A file is deployed to its final path at once: Artifactory takes an upload in under its checksum and shows it
at its path in one step when it has all of it, so an aborted upload leaves nothing, and no reader gets a part.
A temporary path and a move would only add a place where a crash could leave something.

https://jfrog.com/help/r/jfrog-rest-apis/deploy-artifact, .../deploy-artifact-by-checksum
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from slipway.artifactory.catalogue import TIMEOUT_SECONDS, Catalogue, Checksums
from slipway.artifactory.errors import ArtifactoryError, retried, told

MAX_JSON = 1024**2
ABSENT = requests.codes.not_found
NOT_OFFERED = {400, 401, 403, 404, 405, 501}
"""What a call answers that this Artifactory, or its edition or this login, does not have."""


@dataclass(frozen=True)
class File:
    """A file as Artifactory has it."""

    path: str
    """``KEY/FOLDER/FILE``."""
    checksums: Checksums
    size: int

    @property
    def digest(self) -> str:
        """The bytes' name everywhere in Slipway."""
        return f"sha256:{self.checksums.sha256}"


@dataclass(frozen=True)
class Files:
    """The files of one Artifactory."""

    catalogue: Catalogue

    def url(self, path: str) -> str:
        """Return the address of ``path``, without a login."""
        return f"{self.catalogue.url}/{quote(path)}"

    @retried
    def find(self, path: str) -> File | None:
        """Return the file at ``path``, or None."""
        with told(path):
            try:
                about = self.catalogue.at(path).stat()
            except FileNotFoundError:
                return None
        if about.is_dir:
            raise ArtifactoryError(f"{path} is a folder in Artifactory: name a file of it")
        return File(path, Checksums(about.sha256, about.sha1, about.md5), about.size)

    def get(self, path: str) -> File:
        """Return the file at ``path``.

        :raises ArtifactoryError: when there is none.
        """
        if (found := self.find(path)) is None:
            raise ArtifactoryError(f"Artifactory has no {path}. Correct the path, or put the file there.")
        return found

    @retried
    def find_by(self, properties: Mapping[str, str], repository: str | None = None) -> list[File]:
        """Return the files that have all of ``properties``, in one repository (the generic one)."""
        wanted = {f"@{name}": value for name, value in properties.items()}
        asked = {"repo": repository or self.catalogue.generic, "type": "file", **wanted}
        shown = "repo", "path", "name", "size", "sha256", "actual_sha1", "actual_md5"
        include = f".include({', '.join(json.dumps(name) for name in shown)})"
        with told(f"files with {', '.join(properties)}"):
            found = self.catalogue.at("").aql("items.find", asked, include)
        return [_from_aql(one) for one in found]

    @retried
    def properties(self, path: str) -> dict[str, str]:
        """Return the first value of each property of a file."""
        with told(f"properties of {path}"):
            return {name: values[0] for name, values in self.catalogue.at(path).properties.items()}

    def annotate(self, path: str, properties: Mapping[str, str]) -> None:
        """Set properties of a file; others that it has stay."""
        if properties:
            self.catalogue.annotate(path, properties)

    @retried
    def deploy_known(self, path: str, sha256: str) -> File | None:
        """Make ``path`` of bytes that Artifactory has already; returns None when it has not."""
        headers = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": sha256}
        with told(path):
            answer = self.request("PUT", path, headers=headers)
            if answer.status_code == ABSENT:
                return None
            answer.raise_for_status()
        return self.get(path)

    @retried
    def put_json(self, path: str, value: Any) -> None:
        """Put a small document, whole or not at all; what was there is replaced."""
        with told(path):
            self.request("PUT", path, data=json.dumps(value, indent=2).encode()).raise_for_status()

    @retried
    def find_json(self, path: str) -> Any | None:
        """Return what :meth:`put_json` put there, or None.

        :raises ArtifactoryError: when it is something else.
        """
        with told(path), self.request("GET", path, stream=True) as answer:
            if answer.status_code == ABSENT:
                return None
            answer.raise_for_status()
            content = answer.raw.read(MAX_JSON + 1, decode_content=True)
        try:
            if len(content) > MAX_JSON:
                raise ValueError
            return json.loads(content)
        except ValueError as error:
            raise ArtifactoryError(
                f"{path} in Artifactory is not a JSON document that Slipway wrote"
            ) from error

    @retried
    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""
        with told(path):
            answer = self.request("DELETE", path)
            if answer.status_code != ABSENT:
                answer.raise_for_status()

    @retried
    def find_signed_url(self, path: str, seconds: int) -> str | None:
        """Return an address from which anybody may fetch ``path`` for a while; never log it.

        None when this Artifactory gives none out (it is a feature of JFrog's cloud):
        https://jfrog.com/help/r/jfrog-rest-apis/create-signed-url
        """
        with told(f"a signed URL of {path}"):
            answer = requests.post(
                f"{self.catalogue.url}/api/signed/url",
                json={"repo_path": f"/{path}", "valid_for_secs": seconds},
                auth=self.catalogue.auth,
                timeout=TIMEOUT_SECONDS,
            )
            if answer.status_code in NOT_OFFERED:
                return None
            answer.raise_for_status()
        url = answer.text.strip().strip('"')
        return url if url.startswith(("https://", "http://")) else None

    def request(
        self, method: str, path: str, timeout: float | tuple[float, float] = TIMEOUT_SECONDS, **arguments: Any
    ) -> requests.Response:
        """Send one request about ``path``, logged in; the answer's status is not looked at."""
        auth = self.catalogue.auth
        return requests.request(method, self.url(path), auth=auth, timeout=timeout, **arguments)


def _from_aql(found: Mapping[str, Any]) -> File:
    folder = "" if found["path"] == "." else f"{found['path']}/"
    checksums = Checksums(found["sha256"], found["actual_sha1"], found["actual_md5"])
    return File(f"{found['repo']}/{folder}{found['name']}", checksums, int(found["size"]))
