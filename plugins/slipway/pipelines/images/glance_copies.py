"""Copies a file of Artifactory to Glance, for servers that are made from it."""

from __future__ import annotations

import logging
from uuid import UUID

from openstack.image.v2.image import Image

from slipway.artifactory import transfer as artifactory
from slipway.artifactory.files import File
from slipway.flow.property_keys import RegistryKey
from slipway.flow.record import Digest, SlipwayError, TransientError
from slipway.openstack.glance import transfer as glance
from slipway.openstack.glance.glance import NewImage
from slipway.openstack.glance.importing import ImportRefused, can_import, import_image
from slipway.pipelines.images.stores import Stores
from slipway.streams import disk_format
from slipway.streams.tee import tee

log = logging.getLogger(__name__)

URL_SECONDS = 24 * 3600


def bring_to_glance(both: Stores, path: str, digest: Digest, new: NewImage) -> UUID:
    """Return the image in Glance that has the bytes of a file in Artifactory; makes it where there is none.

    Glance fetches it from a signed address that Artifactory gives out, when both support that; otherwise
    the bytes go through the worker. A credential is never part of an address.

    :param digest: of the file; of no other bytes an image is made.
    :raises SlipwayError: when there is no such file, or it is another one by now, or unsafe.
    :raises TransientError: when a side is away, or the copy broke off.
    """
    file = both.files.get(path)
    if file.digest != digest:
        raise SlipwayError(
            f"{path} in Artifactory is {file.digest}, no longer {digest}. Start the run again to use the "
            "new file."
        )
    properties = both.files.properties(path)
    sha512 = properties.get(RegistryKey.SHA512)
    for key in (path, f"{path}@{digest}"):
        found = both.glance.find_key(key)
        if found is not None and found.status == "active" and _same(found, file, sha512):
            log.info("image %s (%s): Glance already has the bytes of %s", found.name, found.id, path)
            return UUID(str(found.id))
    if properties.get(RegistryKey.FORMAT) != new.disk_format:  # what Slipway kept was checked then
        disk_format.check_head(artifactory.head(both.files, path, disk_format.HEAD), new.disk_format, path)
    image = both.glance.ensure_image(f"{path}@{digest}", new)
    return UUID(str(_filled(both, image, file, sha512).id))


def _filled(both: Stores, image: Image, file: File, sha512: str | None) -> Image:
    """Return a queued image with the bytes of ``file``, active."""
    if image.status == "active":  # of another run, in this moment; or of other bytes for ever
        return _right(both, image, file, sha512)
    try:
        return _imported(both, image, file, sha512) or _streamed(both, image, file)
    except BaseException:
        both.glance.discard(str(image.id))
        raise


def _imported(both: Stores, image: Image, file: File, sha512: str | None) -> Image | None:
    """Let Glance fetch the file; returns None when it, or Artifactory, does not support that."""
    url = both.files.find_signed_url(file.path, URL_SECONDS) if can_import(both.glance) else None
    if url is None:
        return None
    try:
        return _right(both, import_image(both.glance, image, url), file, sha512)
    except ImportRefused as error:
        log.warning("%s goes through the worker: %s", file.path, error)
        return None


def _streamed(both: Stores, image: Image, file: File) -> Image:
    source = artifactory.source(both.files, file.path, file.digest)
    check = disk_format.checking(str(image.disk_format), file.path)
    upload = glance.Upload(both.glance, image, source.size)
    return upload.verify(tee(source, upload, guards=[check], also=glance.needed(both.glance)))


def _right(both: Stores, image: Image, file: File, sha512: str | None) -> Image:
    if not _same(image, file, sha512):
        both.glance.delete(str(image.id))
        raise TransientError(
            f"Glance has other bytes of {file.path} in image {image.name} ({image.id}) than Artifactory: "
            f"md5 {image.checksum}, not {file.checksums.md5}. The image was deleted."
        )
    return image


def _same(image: Image, file: File, sha512: str | None) -> bool:
    """Compare what Artifactory and Glance say of their bytes, without reading any."""
    if image.size != file.size:
        return False
    if image.hash_algo == "sha256":
        return bool(image.hash_value == file.checksums.sha256)
    if image.hash_algo == "sha512" and sha512 is not None:
        return bool(image.hash_value == sha512)
    return bool(image.checksum == file.checksums.md5)
