"""Copies an image to the cloud that it is to run in, when it was built in another one."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from slipway.flow.environments import CLOUD
from slipway.flow.image import Image
from slipway.flow.property_keys import CloudKey

log = logging.getLogger(__name__)


def placed(image: Image, connection: str, properties: Mapping[str, str], run: str) -> Image:
    """Return the image with its ids in a cloud; what that cloud lacks is copied there, and verified.

    Ids of another cloud are not looked for: whoever knows one could have given it to other bytes here.

    :param image: with its ids in the cloud that it was built in, or without any.
    :param connection: of the cloud.
    :param properties: of the image in Glance, should it be made.
    :raises SlipwayError: when Artifactory has the image no more.
    :raises TransientError: when a side is away, or the copy broke off.
    """
    if connection == CLOUD and image.glance is not None:
        return image
    # The SDK takes most of a second to import.
    from slipway.pipelines.images import stores
    from slipway.pipelines.images.file_images import in_glance

    with stores.connected(connection) as both:
        found = in_glance(both, unplaced(image), {**properties, CloudKey.RUN: run})
    log.info("%s is image %s in the cloud of %s", image.digest, found.glance, connection)
    return found


def unplaced(image: Image) -> Image:
    """Return the image without its ids in a cloud."""
    parts = {kind: part.model_copy(update={"glance": None}) for kind, part in image.parts.items()}
    return image.model_copy(update={"glance": None, "parts": parts})
