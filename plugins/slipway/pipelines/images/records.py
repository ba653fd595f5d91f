"""The record of an image, as a small file beside it in Artifactory.

By its inputs (:meth:`slipway.flow.image_place.ImagePlace.inputs_record`), written when image and parts are in
their places; and by a commit (``commit_record``), written when it is handed on.
"""

from __future__ import annotations

import logging

from pydantic import ValidationError

from slipway.artifactory.files import Files
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import RegistryKey
from slipway.flow.record import Digest

log = logging.getLogger(__name__)


def find_built(files: Files, place: ImagePlace, inputs: Digest) -> Image | None:
    """Return the image that was built from these inputs, while Artifactory has it and its parts."""
    path = place.inputs_record(inputs)
    value = files.find_json(path)
    try:
        image = None if value is None else Image.from_json(value)
    except ValidationError:
        log.warning("%s is not a record of this version: making it again", path)
        return None
    if image is None or image.input_digest != inputs:
        return None
    kept = {image.reference: image.digest} | {part.reference: part.digest for part in image.parts.values()}
    for path, digest in kept.items():
        file = files.find(path)
        if file is None or file.digest != digest:
            log.warning("%s in Artifactory is no longer as it was built: building it again", path)
            return None
    return image


def is_handed_on(files: Files, image: Image) -> bool:
    """Say whether the image was found good."""
    return RegistryKey.PUBLISHED in files.properties(image.reference)
