"""The common end of the pipelines whose images are files: find the image again, mark it, hand it on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from uuid import UUID

from slipway.artifactory.build_info import document_of_files
from slipway.flow.image import Built, Image, Part, properties
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import CloudKey, RegistryKey
from slipway.flow.push import PushEvent
from slipway.flow.record import Digest
from slipway.github.hook import GithubHook
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines.images import stores
from slipway.pipelines.images.copying import KeptCopy, hand_on
from slipway.pipelines.images.glance_copies import bring_to_glance
from slipway.pipelines.images.records import find_built, is_handed_on
from slipway.pipelines.images.run import Links, Run
from slipway.pipelines.images.single_flight import ClaimBuild
from slipway.pipelines.images.stores import Stores

log = logging.getLogger(__name__)

FORMATS = {"kernel": "aki", "ramdisk": "ari"}
"""Glance's formats of the parts of an image."""


def find(
    both: Stores, place: ImagePlace, inputs: Digest, wanted: Mapping[str, str]
) -> tuple[Image | None, bool]:
    """Return the image of these inputs unless it was found bad, and whether it was handed on before.

    :param wanted: properties in Glance, should Glance have lost the image since.
    """
    image = find_built(both.files, place, inputs)
    if image is None:
        log.info("inputs %s are new: building an image", inputs)
        return None, False
    if both.files.properties(image.reference).get(RegistryKey.BOOT) == "failed":
        log.info("%s did not boot: building it again", image.reference)
        return None, False
    log.info("inputs %s were built at %s: %s", inputs, image.commit[:12], image.digest)
    if not is_handed_on(both.files, image):
        return image, False
    return in_glance(both, image, wanted), True


def find_or_claim(
    both: Stores, place: ImagePlace, inputs: Digest, wanted: Mapping[str, str], claim: ClaimBuild
) -> tuple[Image | None, bool]:
    """Return what :func:`find` does; when that is no image, it is the caller's to build."""
    found = find(both, place, inputs, wanted)
    if found[0] is None:
        claim(place, inputs)
        found = find(both, place, inputs, wanted)  # another may have built it between the two
    return found


def in_glance(both: Stores, image: Image, wanted: Mapping[str, str]) -> Image:
    """Return an image that was handed on with its ids in Glance; what Glance has lost is brought back.

    :param image: without ids when Glance is another cloud's than it was built in.
    """
    about = {
        **wanted,
        CloudKey.APPLICATION: image.application,
        CloudKey.REPOSITORY: image.repository,
        CloudKey.COMMIT: image.commit,
    }
    parts = {
        name: part.model_copy(update={"glance": _part_in_glance(both, image, name, part, about)})
        for name, part in image.parts.items()
    }
    same = parts == image.parts
    if same and _is_active(both, image.glance):
        return image
    if image.glance is not None:
        log.warning("%s is no longer complete in Glance: restoring it from Artifactory", image.glance)
    form = image.reference.rpartition(".")[2]
    ids = {f"{name}_id": str(part.glance) for name, part in parts.items()}
    new = NewImage(image.application, form, hidden=False, properties={**about, **ids})
    found = bring_to_glance(both, image.reference, image.digest, new)
    if ids:
        both.glance.annotate(found, ids)
    return image.model_copy(update={"parts": parts, "glance": found})


def mark(both: Stores, image: Image, result: str) -> None:
    """Write down what the boot test found: ``passed`` or ``failed``."""
    both.files.annotate(image.reference, {RegistryKey.BOOT: result})
    if image.glance is not None:
        both.glance.annotate(image.glance, {CloudKey.BOOT: result})


def publish(
    push: PushEvent, place: ImagePlace, image: Image | None, deploy: bool, run: Run
) -> tuple[Built, Links]:
    """Hand the image on; returns what the pipeline says of it, and where it is shown.

    :param image: None when there is nothing for this platform.
    """
    source = GithubHook().get_conn().page(push.repository)
    links = Links(commit=f"{source}/commit/{push.commit}", image="")
    if image is not None:
        with stores.connected() as both:
            _hand_on(both, place, push, image, run, source)
            links = links.model_copy(update={"image": both.files.url(image.reference)})
        log.info("%s: in Artifactory as %s, in Glance as %s", image.digest, image.reference, image.glance)
    reused = image is not None and image.commit != push.commit
    return Built(push=push, platform=place.platform, image=image, reused=reused, deploy=deploy), links


def _hand_on(both: Stores, place: ImagePlace, push: PushEvent, image: Image, run: Run, source: str) -> None:
    told = properties(image, push) | {RegistryKey.RUN: run.id, RegistryKey.GLANCE: str(image.glance)}
    part = {RegistryKey.RUN: run.id, RegistryKey.REPOSITORY: image.repository}
    files = {}
    for kept in _kept(both, image):
        hand_on(both, kept, told if kept.reference == image.reference else part)
        files[kept.reference] = both.files.get(kept.reference).checksums
    document = document_of_files(push, image, files, run.started, run.url, source)
    both.files.catalogue.publish_build(document)
    both.files.put_json(place.commit_record(push.commit), image.to_json())


def _kept(both: Stores, image: Image) -> Iterator[KeptCopy]:
    """Yield the parts, and then the image that needs them."""
    kept = [(part.reference, part.digest, part.glance) for part in image.parts.values()]
    for reference, digest, glance in (*kept, (image.reference, image.digest, image.glance)):
        yield KeptCopy(reference, digest, both.files.get(reference).size, glance)


def _is_active(both: Stores, image: UUID | None) -> bool:
    found = both.glance.find(image) if image else None
    return found is not None and found.status == "active"


def _part_in_glance(
    both: Stores, image: Image, name: str, part: Part, about: Mapping[str, str]
) -> UUID | None:
    if _is_active(both, part.glance):
        return part.glance
    form = FORMATS[name]
    new = NewImage(f"{image.application}-{name}", form, form, hidden=False, properties=about)
    return bring_to_glance(both, part.reference, part.digest, new)
