"""An image: bytes that were built from one commit for one platform, and where they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from slipway.flow.platforms import Platform
from slipway.flow.property_keys import CloudKey, RegistryKey
from slipway.flow.push import PushEvent
from slipway.flow.record import CommitId, Digest, Matching, Name, Record, RepositoryName

GlanceDigest = Annotated[
    str, Matching(r"^sha512:[0-9a-f]{128}$", "must be a digest: `sha512:` and 128 hexadecimal digits")
]
"""Glance's own digest of an image (``os_hash_value``), where no other is known."""


class BaseImage(Record):
    """The base of an image."""

    name: str
    """As the Dockerfile (or template) spells it."""
    digest: Digest | GlanceDigest
    reference: str
    """Where the build took it from, by digest."""
    served_by: Literal["artifactory", "docker-hub", "glance"]
    """Who had it when the run asked: the image registry, its fallback, or the cloud."""


class Part(Record):
    """A file that belongs to an image: the kernel or ramdisk that a partition image starts with."""

    digest: Digest
    reference: str
    """Path in the image registry."""
    glance: UUID | None = None


class Image(Record):
    """One platform's image. Never named by anything that can be reused: digests only."""

    platform: Platform
    application: Name
    repository: RepositoryName
    commit: CommitId
    """The commit whose build made these bytes; a later commit with the same inputs reuses them."""
    digest: Digest
    """sha256 of the bytes; of the manifest, for containers."""
    input_digest: Digest
    """Of everything that went in: equal inputs, equal image."""
    reference: str
    """Where the image registry has it: ``registry/repository@sha256:...``, or a path of files."""
    glance: UUID | None = None
    """Id of the same bytes in Glance, for platforms that OpenStack runs."""
    parts: dict[Literal["kernel", "ramdisk"], Part] = {}
    """Of a partition image for bare metal."""
    bases: tuple[BaseImage, ...] = ()


class Built(Record):
    """What a pipeline hands on for one push: the image, or nothing for this platform."""

    push: PushEvent
    platform: Platform
    image: Image | None = None
    reused: bool = False
    """The image was there before this run."""
    deploy: bool = True

    @property
    def is_new(self) -> bool:
        """Whether an image was made by this run."""
        return self.image is not None and not self.reused

    def found(self, *, before: bool) -> Built:
        """Return the same, saying whether the run found the image that was built ``before``."""
        return self.model_copy(update={"reused": self.reused or (before and self.image is not None)})


def input_digest(inputs: Mapping[str, object]) -> str:
    """Digest of an image's inputs: equal when, and only when, the inputs are.

    :param inputs: JSON values: options, digests of files and of parents.
    """
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def properties(image: Image, push: PushEvent) -> dict[str, str]:
    """The properties under which the image registry keeps the image: the catalogue's columns."""
    return {
        RegistryKey.APPLICATION: image.application,
        RegistryKey.PLATFORM: image.platform,
        RegistryKey.REPOSITORY: image.repository,
        RegistryKey.COMMIT: image.commit,
        RegistryKey.REF: push.ref,
        RegistryKey.DIGEST: image.digest,
        RegistryKey.INPUT_DIGEST: image.input_digest,
        **({RegistryKey.BASES: " ".join(base.digest for base in image.bases)} if image.bases else {}),
    }


def glance_properties(push: PushEvent, application: Name, inputs: Digest, run: str) -> dict[str, str]:
    """The properties in Glance of an image, or a part of it, that ``run`` builds."""
    return {
        CloudKey.RUN: run,
        CloudKey.APPLICATION: application,
        CloudKey.REPOSITORY: push.repository,
        CloudKey.COMMIT: push.commit,
        CloudKey.INPUT_DIGEST: inputs,
    }
