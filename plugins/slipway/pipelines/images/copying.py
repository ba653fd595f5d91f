"""Copies an image's bytes to Artifactory and Glance, with the same digest in both.

    with stores.connected() as both:
        kept = keep_file(both, Path("web.qcow2"), "generic-local/acme/web/vm/1a2b.../web.qcow2",
                         NewImage("web", "qcow2", properties={CloudKey.RUN: run_id}))
        kept.digest, kept.reference, kept.glance   # as Image and Part of the flow have them
        hand_on(both, kept, properties)            # after the boot test: shown, and not replaced any more

``keep_file``
    a file of the worker to both; with ``image=None`` to Artifactory alone. Kernel and ramdisk of a
    partition image are kept first (``disk_format`` and ``container_format`` ``aki`` and ``ari``); their ids
    go into the image's own properties ``kernel_id`` and ``ramdisk_id``.
``keep_glance_image``
    an image that was made in Glance (by a snapshot) to Artifactory.
``hand_on``
    what was kept is found good.
``bring_to_glance`` (:mod:`slipway.pipelines.images.glance_copies`)
    a file of Artifactory to Glance, fetched by Glance itself where it can and may.
``find_base``, ``fetch_base`` (:mod:`slipway.pipelines.images.base_images`)
    what an image is built upon: its digest; its bytes, on the worker.

What is kept is found again by its path in Artifactory, which a run derives from the image's inputs; in
Glance that path is property ``slipway_key``. Whatever broke off is done again by the next try: it reads the
file first, and sends only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from openstack.image.v2.image import Image

from slipway.artifactory import transfer as artifactory
from slipway.flow.property_keys import RegistryKey
from slipway.flow.record import Digest
from slipway.openstack.glance import transfer as glance
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines.images.copy_targets import (
    CopyTarget,
    InArtifactory,
    InGlance,
)
from slipway.pipelines.images.stores import Stores
from slipway.streams import disk_format
from slipway.streams.files import file_source
from slipway.streams.hashes import Hashes
from slipway.streams.tee import tee

SMALL = 256 * 1024**2


@dataclass(frozen=True)
class KeptCopy:
    """An image (or a part of one) in its places."""

    reference: str
    """Path in Artifactory."""
    digest: Digest
    size: int
    glance: UUID | None = None
    sent: frozenset[str] = frozenset()
    """Who was sent its bytes, of ``artifactory`` and ``glance``: whoever had them already was not."""


def keep_file(
    both: Stores, file: Path, path: str, image: NewImage | None, checked_as: str = "raw"
) -> KeptCopy:
    """Keep a file of the worker at ``path`` in Artifactory and, as ``image``, in Glance.

    :param checked_as: its disk format where there is no ``image`` to say it.
    :raises SlipwayError: when it is empty, of another format than is said, or unsafe; when a side refuses
        it; when a side has other bytes for the same inputs and others rely on them.
    :raises TransientError: when a side is away, or the copy broke off.
    """
    kind = image.disk_format if image else checked_as
    if head := disk_format.file_head(file):  # of 0 bytes more is said by who reads them
        disk_format.check_head(head, kind, file.name)
    in_glance = InGlance(both.glance, path, image) if image else None
    targets: list[CopyTarget] = [InArtifactory(both.files, path), *([in_glance] if in_glance else [])]
    also = glance.needed(both.glance) if image else ()
    known = _hash(file, also) if _may_be_known(file, targets) else None
    lacking = [target for target in targets if known is None or not target.has(known)]
    hashes = _send(file, lacking, known, also) if lacking or known is None else known
    both.files.annotate(path, {RegistryKey.SHA512: hashes.sha512, RegistryKey.FORMAT: kind})
    made = in_glance.image if in_glance else None
    sent = frozenset(target.name for target in lacking)
    return KeptCopy(path, hashes.digest, hashes.size, UUID(str(made.id)) if made else None, sent)


def keep_glance_image(both: Stores, image: str | UUID, path: str) -> KeptCopy:
    """Keep the bytes of an active image of Glance at ``path`` in Artifactory.

    :raises SlipwayError: as :func:`keep_file`.
    :raises TransientError: as :func:`keep_file`.
    """
    found = both.glance.get(image)
    kept = _known(both, found, path) or _download(both, found, path)
    return replace(kept, glance=UUID(str(found.id)))


def hand_on(both: Stores, kept: KeptCopy, properties: Mapping[str, str] | None = None) -> None:
    """Show what was kept: from now on others rely on it, and no run puts other bytes in its place.

    :param properties: of the file in Artifactory.
    """
    both.files.annotate(kept.reference, {**(properties or {}), RegistryKey.PUBLISHED: "true"})
    if kept.glance is not None:
        both.glance.unhide(kept.glance)


def _may_be_known(file: Path, targets: list[CopyTarget]) -> bool:
    """Whether it is worth reading a file for its hashes before it is read for sending.

    It is when a try before this one, or a run with the same inputs, left something; and for kernels and
    ramdisks, which are alike in many images. Otherwise one read will do.
    """
    return file.stat().st_size <= SMALL or any(target.has_something() for target in targets)


def _hash(file: Path, also: Sequence[str]) -> Hashes:
    source = file_source(file)
    return tee(replace(source, what=f"hashes of {file.name}"), also=also)


def _send(file: Path, targets: list[CopyTarget], known: Hashes | None, also: Sequence[str]) -> Hashes:
    source, size = file_source(file), file.stat().st_size
    source = replace(source, what=f"{file.name} to {' and '.join(target.name.title() for target in targets)}")
    if known is not None:
        source = replace(source, check=known.check_same)
    try:
        hashes = tee(source, *(target.sink(size) for target in targets), also=also)
    except BaseException:
        for target in targets:
            target.tidy()
        raise
    for target in targets:
        target.verify(hashes)
    return hashes


def _known(both: Stores, image: Image, path: str) -> KeptCopy | None:
    """Find a file with Glance's digest of the image: Artifactory itself does not know sha512."""
    if image.hash_algo != "sha512" or not image.hash_value:
        return None
    for file in both.files.find_by({RegistryKey.SHA512: str(image.hash_value)}, path.partition("/")[0]):
        if file.size == image.size:
            there = InArtifactory(both.files, path).find(file.checksums.sha256, file.digest)
            if there is not None:
                kind = str(image.disk_format)
                both.files.annotate(
                    path, {RegistryKey.SHA512: str(image.hash_value), RegistryKey.FORMAT: kind}
                )
                return KeptCopy(path, there.digest, there.size)
    return None


def _download(both: Stores, image: Image, path: str) -> KeptCopy:
    InArtifactory(both.files, path).refuse_if_published(both.files.find(path))
    source = glance.source(both.glance, image)
    sink = artifactory.FileUpload(both.files, path, source.size)
    check = disk_format.checking(str(image.disk_format), source.what)
    hashes = tee(source, sink, guards=[check], also=glance.needed(both.glance, image))
    sink.verify(hashes)
    both.files.annotate(path, {RegistryKey.SHA512: hashes.sha512, RegistryKey.FORMAT: str(image.disk_format)})
    return KeptCopy(path, hashes.digest, hashes.size, sent=frozenset({"artifactory"}))
