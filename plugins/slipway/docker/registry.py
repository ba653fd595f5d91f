"""A container registry over its HTTP API.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.docker.errors import SHOWN, DigestMismatchError, DockerError, TransientDockerError

LIST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGE_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHUNK = 1024 * 1024
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

again = retry(
    retry=retry_if_exception_type(TransientDockerError),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.3, max=8),
    reraise=True,
)


@dataclass(frozen=True)
class ImageManifest:
    """An image's manifest, as its bytes."""

    digest: str
    media_type: str
    body: bytes = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The parsed manifest."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """The descriptors of configuration and layers."""
        return [self.document["config"], *self.document["layers"]]


class RegistryAuth(httpx.Auth):
    """Answers a registry's challenge: a token where it names a realm, else the login itself.

    https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self, login: str, password: str) -> None:
        self._basic = httpx.BasicAuth(login, password) if login else None
        self._tokens: dict[str, str] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request, and once more with what the challenge asks for."""
        scope = _repository_of(request.url.path)
        if known := self._tokens.get(scope):
            request.headers["Authorization"] = known
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        challenge = response.headers.get("WWW-Authenticate", "")
        if challenge.lower().startswith("bearer"):
            asked = dict(_CHALLENGE.findall(challenge))
            answer = yield self._token_request(asked, request)
            # Read here: httpx's `requires_response_body` would hold every blob in memory.
            answer.read()
            self._tokens[scope] = f"Bearer {_token_of(answer)}"
        elif self._basic is not None:
            self._tokens[scope] = next(self._basic.auth_flow(request)).headers["Authorization"]
        else:
            return
        request.headers["Authorization"] = self._tokens[scope]
        yield request

    def _token_request(self, asked: dict[str, str], request: httpx.Request) -> httpx.Request:
        query: dict[str, str] = {name: asked[name] for name in ("service", "scope") if name in asked}
        token = httpx.Request("GET", asked.get("realm", ""), params=query, extensions=request.extensions)
        return next(self._basic.auth_flow(token)) if self._basic else token


def _token_of(answer: httpx.Response) -> str:
    place, status = answer.request.url.host, answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        raise TransientDockerError(f"{place} gave no token: it answered {status}")
    try:
        said = answer.json() if answer.is_success else {}
    except ValueError:
        said = {}
    token = (said.get("token") or said.get("access_token")) if isinstance(said, dict) else None
    if not token:
        raise DockerError(
            f"{place} gave no token: it answered {status}. Check the login of the registry's connection."
        )
    return str(token)


def _repository_of(path: str) -> str:
    return re.sub(r"/(manifests|blobs|tags)/.*$", "", path)


@dataclass(frozen=True)
class Registry:
    """One registry and its login.

    :param host: ``host[:port]``, as image names begin with it.
    """

    host: str
    login: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Where it answers: TLS everywhere but on this machine, as the engine does it."""
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"

    def client(self) -> RegistryClient:
        """Return a client, to be closed by the caller."""
        return RegistryClient(self)


def is_loopback(host: str) -> bool:
    """Say whether ``host[:port]`` is this machine."""
    name = host.rpartition(":")[0] or host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


class RegistryClient:
    """The requests that Slipway makes of a registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._http = httpx.Client(
            base_url=registry.url,
            auth=RegistryAuth(registry.login, registry.password),
            timeout=httpx.Timeout(60, connect=10),
            follow_redirects=True,
            trust_env=not is_loopback(registry.host),
        )

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    @again
    def find_manifest(self, repository: str, identifier: str) -> ImageManifest | None:
        """Return the manifest, or None when the registry says that it has none.

        :param identifier: tag or digest.
        :raises TransientDockerError: when it cannot say (after four tries): an error is not "absent".
        :raises DockerError: when it refuses.
        """
        accept = {"Accept": ", ".join((*IMAGE_TYPES, *LIST_TYPES))}
        response = self._send("GET", f"/v2/{repository}/manifests/{identifier}", headers=accept)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        self._check(response, f"manifest {repository}:{identifier}")
        digest = f"sha256:{hashlib.sha256(response.content).hexdigest()}"
        if identifier.startswith("sha256:") and identifier != digest:
            raise DigestMismatchError(
                f"{self.registry.host} served {digest} for {repository}@{identifier}. The registry's storage "
                "is damaged, or someone changes its answers: do not build until that is clear."
            )
        return ImageManifest(digest, response.headers.get("Content-Type", "").split(";")[0], response.content)

    @again
    def put_manifest(self, repository: str, identifier: str, manifest: ImageManifest) -> None:
        """Store a manifest under a tag or its digest."""
        headers = {"Content-Type": manifest.media_type}
        path = f"/v2/{repository}/manifests/{identifier}"
        self._check(self._send("PUT", path, headers=headers, content=manifest.body), path)

    @again
    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Delete a manifest, and with it the tags that still name it; says whether there was one.

        What only it needed stays in the registry's storage until the registry collects its garbage.

        :param digest: never a tag.
        """
        response = self._send("DELETE", f"/v2/{repository}/manifests/{digest}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        self._check(response, f"deletion of {repository}@{digest}")
        return True

    @again
    def has_blob(self, repository: str, digest: str) -> bool:
        """Say whether the registry has the blob in this repository."""
        response = self._send("HEAD", f"/v2/{repository}/blobs/{digest}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        self._check(response, f"blob {digest}")
        return True

    @again
    def get_blob(self, repository: str, digest: str, at_most: int) -> bytes:
        """Return a small blob, checked against its digest.

        :raises DigestMismatchError: when it is other bytes, or more than ``at_most``.
        """
        return b"".join(self.iterate_blob(repository, digest, at_most))

    def iterate_blob(self, repository: str, digest: str, at_most: int) -> Iterator[bytes]:
        """Yield a blob's bytes, checked against ``digest`` and ``at_most`` (bytes) on the way."""
        seen, total = hashlib.sha256(), 0
        try:
            with self._http.stream("GET", f"/v2/{repository}/blobs/{digest}") as response:
                if response.is_error:
                    response.read()
                self._check(response, f"blob {digest}")
                for chunk in response.iter_bytes(_CHUNK):
                    seen.update(chunk)
                    total += len(chunk)
                    if total > at_most:
                        raise DigestMismatchError(
                            f"{self.registry.host} serves more than {at_most} bytes as {digest} "
                            f"of {repository}"
                        )
                    yield chunk
        except httpx.TransportError as error:
            raise TransientDockerError(f"{self.registry.host} does not answer: {error}") from error
        if f"sha256:{seen.hexdigest()}" != digest:
            raise DigestMismatchError(
                f"{self.registry.host} served other bytes than {digest} for a blob of {repository}"
            )

    @again
    def put_blob(
        self, repository: str, descriptor: dict[str, Any], source: RegistryClient, origin: str
    ) -> None:
        """Copy a blob from ``source`` unless it is here; streamed, never held in memory."""
        digest, size = descriptor["digest"], descriptor["size"]
        if self.has_blob(repository, digest):
            return
        started = self._send("POST", f"/v2/{repository}/blobs/uploads/")
        self._check(started, f"upload to {repository}")
        place = httpx.URL(urljoin(f"{self.registry.url}/", started.headers["Location"]))
        response = self._send(
            "PUT",
            str(place.copy_add_param("digest", digest)),
            headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"},
            content=source.iterate_blob(origin, digest, size),
        )
        self._check(response, f"upload of {digest}")

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise TransientDockerError(f"{self.registry.host} does not answer: {error}") from error

    def _check(self, response: httpx.Response, what: str) -> None:
        if response.is_success:
            return
        text = " ".join(response.text[:SHOWN].split())
        said = f"{self.registry.host} answered {response.status_code} for {what}: {text}"
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise TransientDockerError(said)
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise DockerError(f"{said}. Check the login of the connection for {self.registry.host}.")
        raise DockerError(said)


def copy_image(
    source: RegistryClient, origin: str, target: RegistryClient, repository: str, image: ImageManifest
) -> None:
    """Copy one image by digest: blobs that are there are not sent again, the manifest comes last."""
    for descriptor in image.blobs:
        target.put_blob(repository, descriptor, source, origin)
    target.put_manifest(repository, image.digest, image)
