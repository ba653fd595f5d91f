"""Finds images that exist in the registry, by their inputs."""

from __future__ import annotations

import json
import logging
from typing import Any

from slipway.docker.errors import DigestMismatchError
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL, input_tag
from slipway.docker.registry import IMAGE_TYPES, ImageManifest, RegistryClient

log = logging.getLogger(__name__)
CONFIG_BYTES = 1024**2


def find_built(client: RegistryClient, repository: str, digest: str) -> tuple[ImageManifest, str] | None:
    """Return the image made from these inputs and the commit that made it, or None.

    The tag only finds it; the image's own label must name the whole digest.
    """
    manifest = client.find_manifest(repository, input_tag(digest))
    if manifest is None or manifest.media_type not in IMAGE_TYPES:
        return None
    found = _labels(client, repository, manifest)
    if found.get(INPUT_LABEL) != digest:
        log.warning("%s:%s is labelled with other inputs: building it again", repository, input_tag(digest))
        return None
    return manifest, str(found.get(REVISION_LABEL, ""))


def find_commit_image(
    client: RegistryClient, repository: str, commit: str
) -> tuple[ImageManifest, str, str] | None:
    """Return the image recorded for a commit, the commit that made it and its input digest, or None."""
    manifest = client.find_manifest(repository, commit)
    if manifest is None or manifest.media_type not in IMAGE_TYPES:
        return None
    found = _labels(client, repository, manifest)
    if INPUT_LABEL not in found or REVISION_LABEL not in found:
        return None
    return manifest, str(found[REVISION_LABEL]), str(found[INPUT_LABEL])


def tag_again(client: RegistryClient, repository: str, digest: str, tag: str) -> None:
    """Let ``tag`` name the image with this digest.

    :raises DigestMismatchError: when the registry lost the image.
    """
    known = client.find_manifest(repository, tag)
    if known is not None and known.digest == digest:
        return
    manifest = client.find_manifest(repository, digest)
    if manifest is None:
        raise DigestMismatchError(
            f"{client.registry.host}/{repository} has no {digest} any more: it was deleted. Start the run "
            "again to build it again."
        )
    client.put_manifest(repository, tag, manifest)


def verify_pushed(client: RegistryClient, repository: str, tag: str, pushed: str) -> ImageManifest:
    """Read the manifest of ``tag`` back and compare it with what the push reported.

    :raises DigestMismatchError: when the registry holds another, or none.
    """
    manifest = client.find_manifest(repository, tag)
    if manifest is None or manifest.digest != pushed:
        there = manifest.digest if manifest else "nothing"
        raise DigestMismatchError(
            f"{client.registry.host}/{repository}:{tag} holds {there}, and the push reported {pushed}. "
            "Someone else pushes to this repository, or the registry lost the image: it is not used."
        )
    log.info("the registry holds %s as pushed", manifest.digest)
    return manifest


def was_built_here(client: RegistryClient, repository: str, digest: str) -> bool | None:
    """Say whether Slipway made an image, as its labels tell; None when the registry has none."""
    manifest = client.find_manifest(repository, digest)
    if manifest is None:
        return None
    if manifest.media_type not in IMAGE_TYPES:
        return False
    return {INPUT_LABEL, REVISION_LABEL} <= _labels(client, repository, manifest).keys()


def _labels(client: RegistryClient, repository: str, manifest: ImageManifest) -> dict[str, Any]:
    config = json.loads(client.get_blob(repository, manifest.document["config"]["digest"], CONFIG_BYTES))
    found: dict[str, Any] = (config.get("config") or {}).get("Labels") or {}
    return found
