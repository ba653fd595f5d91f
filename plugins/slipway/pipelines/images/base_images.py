"""Base images for Packer: resolved by digest, downloaded to the worker, kept there."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from openstack.image.v2.image import Image

from slipway.artifactory import transfer as artifactory
from slipway.flow.image import BaseImage
from slipway.flow.packer import PackerBase
from slipway.flow.record import Digest, SlipwayError
from slipway.openstack.glance import transfer as glance
from slipway.pipelines.images.stores import Stores
from slipway.streams import disk_format
from slipway.streams.files import file_sink, file_source
from slipway.streams.hashes import Hashes
from slipway.streams.tee import Source, tee

log = logging.getLogger(__name__)

UNUSED_SECONDS = 7 * 24 * 3600
"""A base that was not used for so long leaves the worker; no build takes that long."""
PART = ".part"
BROKEN_SECONDS = 3600
"""A download that has not grown for so long belongs to a worker that died."""


@dataclass(frozen=True)
class Base:
    """A base on the worker."""

    path: Path
    """Readable, and shared with other builds: never opened for writing."""
    disk_format: str
    """``qcow2`` or ``raw``: give it to every program that opens the file, so that none guesses."""
    image: BaseImage
    hashes: Hashes


def find_base(both: Stores, base: PackerBase) -> BaseImage:
    """Return which bytes a base is now; reads none of them.

    :raises SlipwayError: when there is no such base, it has no digest, or another than is required.
    """
    if base.artifactory is not None:
        digest = both.files.get(base.artifactory).digest
        if base.digest is not None and digest != base.digest:
            raise _changed(base.artifactory, digest, base.digest)
        return BaseImage(
            name=base.artifactory, digest=digest, reference=base.artifactory, served_by="artifactory"
        )
    image = both.glance.get(str(base.glance))
    if image.status != "active":
        raise SlipwayError(f"base image {image.id} is {image.status} in Glance: name one that is active")
    return BaseImage(name=str(image.id), digest=_digest(image), reference=str(image.id), served_by="glance")


def fetch_base(both: Stores, base: BaseImage, folder: Path, required: Digest | None = None) -> Base:
    """Download a base to the worker, or use the one there; either way its bytes are hashed and checked.

    :param folder: where bases are kept from build to build, by their digest.
    :param required: sha256 that the application requires.
    :raises SlipwayError: when it is not what was found any more, not what is required, or unsafe.
    :raises TransientError: when Artifactory or Glance is away, or the download broke off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _drop_unused(folder)
    path = path_in(folder, base.digest)
    hashes = _kept(path, base) or _download(both, base, path)
    if required is not None and hashes.digest != required:
        raise _changed(base.name, hashes.digest, required)
    os.utime(path)  # and not touch: another run may have taken it away by now
    return Base(path, disk_format.detect(disk_format.file_head(path), base.name), base, hashes)


def path_in(folder: Path, digest: str) -> Path:
    """Return where bytes with this digest are kept in a folder of the worker's: bases, images to be tried."""
    return folder / digest.replace(":", "-")


def _kept(path: Path, base: BaseImage) -> Hashes | None:
    """Return the hashes of the kept file, when it is unchanged."""
    if not path.exists():
        return None
    hashes = tee(file_source(path))
    if _is(hashes, base.digest):
        log.info("base %s is already on this worker", base.name)
        return hashes
    log.warning("base %s on this worker has changed bytes: fetching it again", base.name)
    path.unlink()
    return None


def _download(both: Stores, base: BaseImage, path: Path) -> Hashes:
    source, said = _source(both, base)
    part = path.with_name(f"{path.name}.{uuid4().hex}{PART}")
    try:
        hashes = tee(source, file_sink(part), guards=[disk_format.checking(said, base.name)])
        if not _is(hashes, base.digest):
            raise _changed(base.name, hashes.digest, base.digest)
        part.chmod(0o444)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return hashes


def _source(both: Stores, base: BaseImage) -> tuple[Source, str]:
    """Open a base; returns it with the format that it is said to have."""
    if base.served_by == "artifactory":
        head = artifactory.head(both.files, base.reference, disk_format.HEAD)
        said = disk_format.detect(head, base.name)
        return artifactory.source(both.files, base.reference, base.digest), said
    image = both.glance.get(base.reference)
    if _digest(image) != base.digest:
        raise _changed(base.name, _digest(image), base.digest)
    return glance.source(both.glance, image), str(image.disk_format)


def _digest(image: Image) -> str:
    if image.hash_algo not in ("sha256", "sha512") or not image.hash_value:
        raise SlipwayError(
            f"base image {image.id} has no sha512 in Glance (os_hash_value): upload it again; older "
            "versions of Glance did not compute it"
        )
    return f"{image.hash_algo}:{image.hash_value}"


def _is(hashes: Hashes, digest: str) -> bool:
    algorithm, _, value = digest.partition(":")
    return hashes.find(algorithm) == value


def _changed(name: str, is_now: str, wanted: str) -> SlipwayError:
    return SlipwayError(
        f"base {name} is {is_now}, and not {wanted}. If the change is intended, start the run again, or "
        "correct `digest` of the base in slipway.yaml."
    )


def _drop_unused(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            limit = BROKEN_SECONDS if path.suffix == PART else UNUSED_SECONDS
            if path.is_file() and time.time() - path.stat().st_mtime > limit:
                path.unlink()
        except FileNotFoundError:  # another build was faster
            continue
