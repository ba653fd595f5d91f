"""Marks the images of a release that did not go through: they stay, and say so."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.flow.property_keys import RegistryKey
from slipway.flow.record import SlipwayError

if TYPE_CHECKING:
    from slipway.flow.plans import ReleasePlan

log = logging.getLogger(__name__)


def mark_failed(plan: ReleasePlan, run: str) -> None:
    """Write on a plan's image in Artifactory in which environment it was taken back, when and by which run.

    Where that cannot be written, a warning is logged: the release was taken back all the same.
    """
    from slipway.artifactory.hook import ArtifactoryHook  # which reading a DAG file does not need

    name = f"{RegistryKey.FAILED}.{plan.environment}"
    try:
        catalogue = ArtifactoryHook().get_conn()
        path = catalogue.path_of(plan.image, plan.push.commit)
        catalogue.annotate(path, {name: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {run}"})
    except SlipwayError as error:
        log.warning("marking the image as failed did not work: %s", error)
    else:
        log.info("%s stays in Artifactory, marked %s", path, name)
