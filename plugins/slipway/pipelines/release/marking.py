"""Marks the images of a release that did not go through: they stay, and say so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.flow.image import Image
from slipway.flow.property_keys import RegistryKey
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError

log = logging.getLogger(__name__)


def mark_failed(plan: Mapping[str, Any], run: str) -> None:
    """Write on a plan's image in Artifactory in which environment it was taken back, when and by which run.

    Where that cannot be written, a warning is logged: the release was taken back all the same.
    """
    from slipway.artifactory.hook import ArtifactoryHook  # which reading a DAG file does not need

    push, image = PushEvent.from_json(plan["push"]), Image.from_json(plan["image"])
    name = f"{RegistryKey.FAILED}.{plan['environment']}"
    try:
        catalogue = ArtifactoryHook().get_conn()
        path = catalogue.path_of(image, push.commit)
        catalogue.annotate(path, {name: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {run}"})
    except SlipwayError as error:
        log.warning("the image is not marked as failed: %s", error)
    else:
        log.info("%s stays in Artifactory, marked %s", path, name)
