"""Base images: from the image registry; from Docker Hub only when it has none."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from slipway.docker.errors import BaseImageError, DockerError, TransientDockerError
from slipway.docker.reference import HUB, Reference, parse
from slipway.docker.registry import LIST_TYPES, ImageManifest, RegistryClient, copy_image
from slipway.flow.image import BaseImage
from slipway.flow.image_place import ImagePlace

log = logging.getLogger(__name__)

MIRROR = "docker-remote"
"""Repository key of the image registry under which copies of Docker Hub's images are kept."""


@dataclass(frozen=True)
class Bases:
    """Resolves names of base images to digests that the image registry holds."""

    registry: RegistryClient
    hub: RegistryClient
    architecture: str = "amd64"
    mirror: str = MIRROR
    place: ImagePlace | None = None
    """Of what is built: below its key, only its tenant's images may be used."""

    def resolve(self, names: Iterable[str]) -> tuple[BaseImage, ...]:
        """Resolve every name once, in the order given.

        :raises BaseImageError: when an image is nowhere, or in a registry that Slipway does not use.
        :raises DockerError: when a name is none, or the image registry refuses the login.
        :raises TransientDockerError: when a registry could not say.
        """
        return tuple(self._resolve(name) for name in dict.fromkeys(names))

    def _resolve(self, name: str) -> BaseImage:
        reference = parse(name)
        if reference.registry == self.registry.registry.host:
            return self._own(name, reference)
        if reference.registry != HUB:
            raise BaseImageError(
                f"base image {name}: {reference.registry} is a registry that Slipway does not use. Copy the "
                f"image to {self.registry.registry.host} and name it there, or use one of Docker Hub."
            )
        mirror = f"{self.mirror}/{reference.repository}"
        if (image := self._find(self.registry, mirror, reference.identifier)) is not None:
            self._report_move(name, reference, image)
            return self._base(name, mirror, image, "artifactory")
        image = self._find_on_hub(name, reference)
        if image is None:
            raise BaseImageError(
                f"base image {name} is neither in {self.registry.registry.host}/{mirror} nor on Docker Hub "
                f"({self.hub.registry.host}). Check its name and tag in the Dockerfile."
            )
        log.info("%s: absent in the image registry, copied from Docker Hub as %s", name, image.digest)
        copy_image(self.hub, reference.repository, self.registry, mirror, image)
        if reference.digest is None:
            self.registry.put_manifest(mirror, reference.identifier, image)
        return self._base(name, mirror, image, "docker-hub")

    def _own(self, name: str, reference: Reference) -> BaseImage:
        if self._is_another_tenants(reference.repository):
            raise BaseImageError(
                f"base image {name} belongs to another tenant. Ask its owner to publish it outside of "
                f"{reference.repository.partition('/')[0]}/, or copy it to your tenant."
            )
        image = self._find(self.registry, reference.repository, reference.identifier)
        if image is None:
            raise BaseImageError(f"base image {name} is not in the image registry. Check its name and tag.")
        return self._base(name, reference.repository, image, "artifactory")

    def _is_another_tenants(self, repository: str) -> bool:
        if self.place is None:
            return False
        key, tenant = self.place.key, self.place.tenant
        return repository.startswith(f"{key}/") and not repository.startswith(f"{key}/{tenant}/")

    def _base(self, name: str, repository: str, image: ImageManifest, served_by: str) -> BaseImage:
        log.info("%s is %s, served by %s", name, image.digest, served_by)
        return BaseImage.model_validate(
            {
                "name": name,
                "digest": image.digest,
                "reference": f"{self.registry.registry.host}/{repository}@{image.digest}",
                "served_by": served_by,
            }
        )

    def _find_on_hub(self, name: str, reference: Reference) -> ImageManifest | None:
        try:
            return self._find(self.hub, reference.repository, reference.identifier)
        except BaseImageError:
            raise
        except DockerError as error:
            # Docker Hub refuses what it does not have as it refuses what is private.
            raise BaseImageError(
                f"base image {name} is neither in {self.registry.registry.host} nor public on Docker Hub. "
                f"Check its name in the Dockerfile, or the login. ({error})"
            ) from error

    def _find(self, client: RegistryClient, repository: str, identifier: str) -> ImageManifest | None:
        """Return the image for this architecture: a list of several is followed to it."""
        manifest = client.find_manifest(repository, identifier)
        if manifest is None or manifest.media_type not in LIST_TYPES:
            return manifest
        for entry in manifest.document["manifests"]:
            platform = entry.get("platform", {})
            if platform.get("os") == "linux" and platform.get("architecture") == self.architecture:
                return client.find_manifest(repository, entry["digest"])
        raise BaseImageError(f"{repository}:{identifier} has no image for linux/{self.architecture}.")

    def _report_move(self, name: str, reference: Reference, here: ImageManifest) -> None:
        if reference.digest is not None:
            return
        try:
            there = self._find(self.hub, reference.repository, reference.identifier)
        except (DockerError, TransientDockerError) as error:
            log.info("%s: cannot check on Docker Hub whether the tag moved: %s", name, error)
            return
        if there is not None and there.digest != here.digest:
            log.warning(
                "%s moved on Docker Hub: there %s, here %s. The build uses the copy here; delete the tag in "
                "%s to use the new one.",
                name,
                there.digest,
                here.digest,
                self.registry.registry.host,
            )
