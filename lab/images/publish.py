"""Puts an image of one layer into a registry, over its HTTP API.

https://github.com/opencontainers/distribution-spec/blob/v1.0.1/spec.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lab.images.layer import Layer
from lab.server import LabError

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
BORN = "2024-01-01T00:00:00Z"
"""Every image's time of making: the same files make the same digest on every machine."""


@dataclass(frozen=True)
class Name:
    """``repository:tag`` in a registry."""

    repository: str
    tag: str

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.repository}:{self.tag}"


def is_published(registry: httpx.Client, name: Name) -> bool:
    """Say whether the registry has ``name``.

    :param registry: a client whose base URL is the registry's and who is logged in.
    """
    answer = registry.head(_manifest_path(name), headers={"Accept": MANIFEST})
    return answer.status_code == 200


def publish(registry: httpx.Client, name: Name, layer: Layer, command: tuple[str, ...]) -> None:
    """Put the image of ``layer``, which runs ``command``, under ``name``.

    :raises LabError: when the registry refuses.
    """
    config = json.dumps(_config(layer, command), sort_keys=True).encode()
    with layer.path.open("rb") as file:
        _put_blob(registry, name.repository, layer.digest, file.read())
    _put_blob(registry, name.repository, _digest(config), config)
    manifest = json.dumps(_manifest(layer, config), sort_keys=True)
    answer = registry.put(_manifest_path(name), content=manifest, headers={"Content-Type": MANIFEST})
    _expect(answer, 201, f"{name}'s manifest")


def _put_blob(registry: httpx.Client, repository: str, digest: str, content: bytes) -> None:
    if registry.head(f"/v2/{repository}/blobs/{digest}").status_code == 200:
        return
    upload = registry.post(f"/v2/{repository}/blobs/uploads/")
    _expect(upload, 202, f"an upload to {repository}")
    place = httpx.URL(upload.headers["Location"]).copy_merge_params({"digest": digest})
    answer = registry.put(place, content=content, headers={"Content-Type": "application/octet-stream"})
    _expect(answer, 201, f"{repository}@{digest}")


def _config(layer: Layer, command: tuple[str, ...]) -> Mapping[str, Any]:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": BORN,
        "config": {"Env": [path], "Cmd": list(command)},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        "history": [{"created": BORN, "created_by": "Slipway lab"}],
    }


def _manifest(layer: Layer, config: bytes) -> Mapping[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)},
        "layers": [{"mediaType": LAYER, "size": layer.size, "digest": layer.digest}],
    }


def _manifest_path(name: Name) -> str:
    return f"/v2/{name.repository}/manifests/{name.tag}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _expect(answer: httpx.Response, status: int, what: str) -> None:
    if answer.status_code != status:
        raise LabError(f"{answer.request.url.host} refused {what}: {answer.status_code} {answer.text[:200]}")
