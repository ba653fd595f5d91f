"""An application of a test's own, and images of it as the pipelines keep them in the lab's stores."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from lab.access import Lab
from slipway.artifactory.catalogue import Catalogue
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL, input_tag
from slipway.docker.registry import Registry
from slipway.flow.image import BaseImage, Image, Part, properties
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import CloudKey
from slipway.flow.push import PushEvent
from slipway.flow.retention.stored import StoredImage
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines.images.copying import hand_on, keep_file
from slipway.pipelines.images.stores import Stores
from slipway.pipelines.upkeep.retention.shelves import Shelves
from tests.registry_images import http
from tests.systems.artifactory.pushed_images import Images

REPOSITORY = "tests/retention"
CLOUD = "slipway_openstack"


@dataclass
class Shop:
    """An application of a tenant that no other test has, and images of it as the pipelines keep them."""

    lab: Lab
    both: Stores
    shelves: Shelves
    folder: Path
    tenant: str
    name: str = "shop"

    def clear(self) -> None:
        """Remove what is left of it."""
        for image in self.both.glance.find_own(self.name):
            if str(image.properties[CloudKey.KEY]).startswith(f"generic-local/{self.tenant}/{self.name}/"):
                self.both.glance.delete(str(image.id))
        for key in ("generic-local", "docker-local"):
            self.both.files.delete(f"{key}/{self.tenant}/{self.name}")

    @property
    def catalogue(self) -> Catalogue:
        return self.both.files.catalogue

    def push(self, commit: str) -> PushEvent:
        return PushEvent(repository=REPOSITORY, ref="refs/heads/main", commit=commit * 40)

    def file(self, name: str) -> Path:
        (self.folder / name).write_bytes(os.urandom(4096))
        return self.folder / name

    def machine(
        self,
        commit: str,
        platform: Literal["vm", "bare_metal"] = "vm",
        bases: tuple[BaseImage, ...] = (),
        kernel: Part | None = None,
    ) -> Image:
        """Keep an image as `vm_image` and `bare_metal_image` do."""
        place = ImagePlace("generic-local", self.tenant, self.name, platform)
        inputs = f"sha256:{secrets.token_hex(32)}"
        path = f"{place.folder(inputs)}/shop.raw"
        about = {
            "slipway_run": self.tenant,
            "slipway_application": self.name,
            "slipway_repository": REPOSITORY,
        }
        parts: dict[Literal["kernel", "ramdisk"], Part] = {}
        if platform == "bare_metal":
            for part, form in (("kernel", "aki"), ("ramdisk", "ari")):
                new = NewImage(f"shop-{part}", form, form, properties=about)
                file = keep_file(self.both, self.file(part), f"{path[:-4]}.{part}", new)
                parts[part] = Part(digest=file.digest, reference=file.reference, glance=file.glance)
                hand_on(self.both, file)
        if kernel is not None:
            parts["kernel"] = kernel
        ids = {f"{part}_id": str(one.glance) for part, one in parts.items()}
        new = NewImage("shop", "raw", properties={**about, **ids})
        kept = keep_file(self.both, self.file("shop.raw"), path, new)
        image = Image(
            platform=platform,
            application=self.name,
            repository=REPOSITORY,
            commit=commit * 40,
            digest=kept.digest,
            input_digest=inputs,
            reference=path,
            glance=kept.glance,
            parts=parts,
            bases=bases,
        )
        self.both.files.put_json(place.inputs_record(inputs), image.to_json())
        hand_on(self.both, kept, properties(image, self.push(commit)))
        self.both.files.put_json(place.commit_record(commit * 40), image.to_json())
        return image

    def container(self, commit: str, built_here: bool = True) -> str:
        """Push an image as `container_image` does; returns its digest."""
        inputs = f"sha256:{secrets.token_hex(32)}"
        labels = {INPUT_LABEL: inputs, REVISION_LABEL: commit * 40} if built_here else {}
        content = os.urandom(512)
        with http(self.lab.registry) as registry:
            images = Images(registry, f"docker-local/{self.tenant}/{self.name}")
            digest = images.push(commit * 40, content, labels)
            assert images.push(input_tag(inputs), content, labels) == digest
        image = Image(
            platform="container",
            application=self.name,
            repository=REPOSITORY,
            commit=commit * 40,
            digest=digest,
            input_digest=inputs,
            reference=f"registry/docker-local/{self.tenant}/{self.name}@{digest}",
        )
        self.annotate(commit, properties(image, self.push(commit)))
        return digest

    def annotate(self, commit: str, told: dict[str, str]) -> None:
        path = f"docker-local/{self.tenant}/{self.name}/{commit * 40}/manifest.json"
        self.catalogue.annotate(path, told)

    def tag(self, digest: str, tag: str) -> None:
        place = f"docker-local/{self.tenant}/{self.name}"
        manifest = self.shelves.registry.find_manifest(place, digest)
        assert manifest is not None
        self.shelves.registry.put_manifest(place, tag, manifest)

    def found(self) -> dict[str, StoredImage]:
        """What is there, by its digest."""
        return {one.digest: one for one in self.shelves.find([self.tenant])}

    def only(self) -> StoredImage:
        [one] = self.shelves.find([self.tenant])
        return one


@pytest.fixture
def shop(lab: Lab, both: Stores, tmp_path: Path) -> Iterator[Shop]:
    host, login = lab.registry.url.partition("://")[2], lab.registry
    tenant = f"t-{secrets.token_hex(5)}"
    with Registry(host, login.user, login.password).client() as registry:
        shelves = Shelves(both.files, registry, {CLOUD: both.glance})
        found = Shop(lab, both, shelves, tmp_path, tenant)
        yield found
        found.clear()
        for key in ("generic-local", "docker-local"):
            both.files.delete(f"{key}/{tenant}")
