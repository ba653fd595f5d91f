"""A Docker registry, asked by its API: https://distribution.github.io/distribution/spec/api/."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from lab.artifactory.refusal import Refusal
from lab.artifactory.settings import Login
from lab.patience import stretched

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry serves it."""

    digest: str
    media_type: str
    body: bytes


class Registry:
    """A client; names are those of the registry (``docker-local/app``)."""

    def __init__(self, url: str, login: Login) -> None:
        self.user = login.user
        self._client = httpx.Client(
            base_url=url, auth=(login.user, login.password), timeout=stretched(15), trust_env=False
        )

    def names(self) -> list[str]:
        """Return the names of all repositories."""
        found: list[str] = []
        url: str | None = "/v2/_catalog?n=1000"
        while url is not None:
            answer = self._ask("GET", url)
            found += answer.json()["repositories"]
            url = answer.links.get("next", {}).get("url")
        return found

    def tags(self, name: str) -> set[str]:
        """Return a repository's tags; none when it does not exist."""
        answer = self._ask("GET", f"/v2/{name}/tags/list")
        return set(answer.json().get("tags") or ()) if answer.status_code == 200 else set()

    def find_digest(self, name: str, reference: str) -> str | None:
        """Return the digest of the manifest that a tag or digest names, or None."""
        answer = self._ask("HEAD", f"/v2/{name}/manifests/{reference}")
        return answer.headers["docker-content-digest"] if answer.status_code == 200 else None

    def find_manifest(self, name: str, reference: str) -> Manifest | None:
        """Return the manifest that a tag or digest names, or None."""
        answer = self._ask("GET", f"/v2/{name}/manifests/{reference}")
        if answer.status_code != 200:
            return None
        headers = answer.headers
        return Manifest(headers["docker-content-digest"], headers["content-type"], answer.content)

    def delete_tag(self, name: str, tag: str) -> None:
        """Remove a tag, or a manifest by digest.

        This API deletes by digest and so takes every tag of that manifest; the others are put back.
        """
        manifest = self.find_manifest(name, tag)
        if manifest is None:
            return
        others = [] if tag == manifest.digest else list(self._sharing(name, tag, manifest.digest))
        self._ask("DELETE", f"/v2/{name}/manifests/{manifest.digest}")
        for other in others:
            headers = {"Content-Type": manifest.media_type}
            self._ask("PUT", f"/v2/{name}/manifests/{other}", manifest.body, headers)

    def _sharing(self, name: str, tag: str, digest: str) -> Iterator[str]:
        for other in self.tags(name) - {tag}:
            if self.find_digest(name, other) == digest:
                yield other

    def _ask(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, url, content=body, headers=headers or _ACCEPT)
        except httpx.HTTPError as error:
            raise Refusal(503, f"The Docker registry does not answer: {type(error).__name__}.") from None
        if answer.status_code in (401, 403) or answer.status_code >= 500:
            raise Refusal(503, f"The Docker registry answers {answer.status_code} to {method} {url}.")
        return answer
