"""The removal of one thing, if it has not changed since it was found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from slipway.artifactory.files import Files
from slipway.docker.catalogue import was_built_here
from slipway.docker.registry import RegistryClient
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import CloudKey
from slipway.flow.record import SlipwayError
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind
from slipway.openstack.glance.glance import Glance
from slipway.openstack.glance.holds import why_held
from slipway.pipelines.upkeep.retention.containers import MANIFEST, container_images
from slipway.pipelines.upkeep.retention.machines import machine_images

log = logging.getLogger(__name__)


class StaysError(SlipwayError):
    """It has changed since the decision, or is now in use: it stays."""


@dataclass(frozen=True)
class Shelves:
    """All stores of images."""

    files: Files
    registry: RegistryClient
    clouds: Mapping[str, Glance]
    """Glance, by the connection of its cloud."""
    owner: Callable[[str], str] = str
    """Returns the present name of a repository."""

    def find(self, tenants: Iterable[str], application: str = "") -> list[StoredImage]:
        """Return the images of tenants, or of one application of theirs."""
        copies = {cloud: glance.find_own(application) for cloud, glance in self.clouds.items()}
        found: list[StoredImage] = []
        for tenant in tenants:
            folder = f"{tenant}/{application}" if application else tenant
            found += container_images(self.files.catalogue, folder, self.owner)
            found += machine_images(self.files, folder, copies, self.owner)
        return found

    def find_again(self, stored: StoredImage) -> StoredImage | None:
        """Return an image as it is now; None when nothing of it is left.

        :raises StaysError: when something was added to it, or Slipway did not make it.
        """
        tenant = ImagePlace.parse(stored.place).tenant
        ids = {thing.id for thing in stored.things}
        for one in self.find([tenant], stored.application):
            if one.platform == stored.platform and ids & {thing.id for thing in one.things}:
                if added := sorted({thing.id for thing in one.things} - ids):
                    raise StaysError(f"{added[0]} was added to it meanwhile")
                self._refuse_others(one)
                return one
        return None

    def remove(self, thing: Thing) -> bool:
        """Remove a thing; says whether it was there.

        :raises StaysError: when it is another thing by now.
        :raises SlipwayError: when its store refuses.
        :raises TransientError: when its store does not answer.
        """
        if thing.kind is ThingKind.MANIFEST:
            place, _, digest = thing.id.partition("@")
            return self.registry.delete_manifest(place, digest)
        if thing.kind in (ThingKind.GLANCE_IMAGE, ThingKind.GLANCE_PART):
            return self._remove_copy(self.clouds[thing.store], thing)
        if thing.kind is ThingKind.TAG:
            folder = thing.id.replace(":", "/")
            return self._remove_file(f"{folder}/{MANIFEST}", folder, thing.digest)
        return self._remove_file(thing.id, thing.id, thing.digest)

    def _remove_file(self, path: str, whole: str, digest: str) -> bool:
        found = self.files.find(path)
        if found is None:
            return False
        if found.digest != digest:
            raise StaysError(f"{path} is now {found.digest}, and was {digest}")
        self.files.delete(whole)
        return True

    def _remove_copy(self, glance: Glance, thing: Thing) -> bool:
        found = glance.find(thing.id)
        if found is None:
            return False
        if (
            CloudKey.KEY not in (found.properties or {})
            or f"{found.hash_algo}:{found.hash_value}" != thing.digest
        ):
            raise StaysError(f"{thing.id} in Glance has changed since it was found")
        if why := why_held(found):
            raise StaysError(f"{thing.id} in Glance stays: {why}")
        glance.delete(thing.id)
        return True

    def _refuse_others(self, stored: StoredImage) -> None:
        """Go on if an image that names Slipway's tags was built by Slipway, too."""
        if stored.platform == "container" and (
            was_built_here(self.registry, stored.place, stored.digest) is False
        ):
            raise StaysError("it has none of the labels of Slipway's builds: someone else pushed it")
