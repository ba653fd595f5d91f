"""Small images, put into a registry by its HTTP API and taken out again."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import httpx

from lab.access import Login
from lab.images.layer import compress, read_layer
from lab.images.publish import Name, publish
from slipway.docker.registry import LIST_TYPES

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def http(login: Login) -> httpx.Client:
    """A plain client of a registry, that is not the product's."""
    return httpx.Client(base_url=login.url, auth=login.auth, timeout=30, trust_env=False)


def publish_image(login: Login, repository: str, tag: str, folder: Path, text: str) -> str:
    """Publish an image of one file that says ``text``; returns its manifest digest."""
    archive = folder / "layer.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("said")
        member.size = len(text.encode())
        tar.addfile(member, io.BytesIO(text.encode()))
    compress(archive, folder / "layer.tar.gz")
    with http(login) as registry:
        publish(registry, Name(repository, tag), read_layer(folder / "layer.tar.gz"), ("sh",))
        return digest_of(registry, repository, tag)


def publish_index(login: Login, repository: str, tag: str, by_architecture: dict[str, str]) -> str:
    """Publish an index of images that are there; returns its digest."""
    with http(login) as registry:
        entries = []
        for architecture, digest in by_architecture.items():
            body = registry.get(f"/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFEST}).content
            platform = {"os": "linux", "architecture": architecture}
            entries.append({"mediaType": MANIFEST, "digest": digest, "size": len(body), "platform": platform})
        index = {"schemaVersion": 2, "mediaType": LIST_TYPES[1], "manifests": entries}
        content = json.dumps(index).encode()
        path = f"/v2/{repository}/manifests/{tag}"
        registry.put(path, content=content, headers={"Content-Type": LIST_TYPES[1]}).raise_for_status()
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of(registry: httpx.Client, repository: str, tag: str) -> str:
    """Return the digest that the registry says a tag has."""
    answer = registry.head(
        f"/v2/{repository}/manifests/{tag}", headers={"Accept": ", ".join((MANIFEST, *LIST_TYPES))}
    )
    return str(answer.raise_for_status().headers["Docker-Content-Digest"])


def tags_of(login: Login, repository: str) -> list[str]:
    """Return a repository's tags; a repository that is not there has none."""
    with http(login) as registry:
        return sorted(registry.get(f"/v2/{repository}/tags/list").json().get("tags") or [])


def remove(login: Login, repository: str) -> None:
    """Delete every tagged manifest of a repository."""
    with http(login) as registry:
        for digest in {digest_of(registry, repository, tag) for tag in tags_of(login, repository)}:
            registry.delete(f"/v2/{repository}/manifests/{digest}").raise_for_status()
