"""What is known of an image, as a small file beside it in Artifactory.

By its inputs: ``KEY/TENANT/APPLICATION/PLATFORM/<40 of the input digest>/image.json``, written when image and
parts are in their places. By a commit: ``.../PLATFORM/commits/<commit>.json``, written when it is handed on.
"""

from __future__ import annotations

import logging

from pydantic import ValidationError

from slipway.artifactory.files import Files
from slipway.flow.image import Image
from slipway.flow.property_keys import RegistryKey
from slipway.flow.record import CommitId, Digest

COMMITS, INPUTS = "commits", "image.json"

log = logging.getLogger(__name__)


def inputs_record(place: str, inputs: Digest) -> str:
    """Return where the image of these inputs is written down.

    :param place: ``KEY/TENANT/APPLICATION/PLATFORM``.
    """
    return f"{place}/{inputs.removeprefix('sha256:')[:40]}/{INPUTS}"


def commit_record(place: str, commit: CommitId) -> str:
    """Return where the image of a commit is written down."""
    return f"{place}/{COMMITS}/{commit}.json"


def find_built(files: Files, place: str, inputs: Digest) -> Image | None:
    """Return the image that was built from these inputs, while Artifactory has it and its parts."""
    value = files.find_json(inputs_record(place, inputs))
    try:
        image = None if value is None else Image.from_json(value)
    except ValidationError:
        log.warning("%s is no record of this version: it is made anew", inputs_record(place, inputs))
        return None
    if image is None or image.input_digest != inputs:
        return None
    kept = {image.reference: image.digest} | {part.reference: part.digest for part in image.parts.values()}
    for path, digest in kept.items():
        file = files.find(path)
        if file is None or file.digest != digest:
            log.warning("%s is not in Artifactory any more as it was built: it is built anew", path)
            return None
    return image


def is_handed_on(files: Files, image: Image) -> bool:
    """Say whether the image was found good."""
    return RegistryKey.PUBLISHED in files.properties(image.reference)
