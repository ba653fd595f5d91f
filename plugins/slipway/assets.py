"""The assets: images and deployments, for lineage and for DAGs of other people."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import Asset, AssetAlias

from slipway.flow.platforms import PLATFORMS, Platform

IMAGES: Mapping[Platform, Asset] = {
    name: Asset(name=one.asset, uri=one.asset_uri, group="slipway") for name, one in PLATFORMS.items()
}
"""The results of the pipelines: ``extra`` is the :class:`slipway.flow.image.Built`."""
CONTAINER_IMAGE, VM_IMAGE, BARE_METAL_IMAGE = IMAGES["container"], IMAGES["vm"], IMAGES["bare_metal"]

IMAGES_FOUND = AssetAlias(name="slipway_images_found", group="slipway")
"""Through which the look at a commit hands on the images that need no build."""

DEPLOYMENT = Asset(name="slipway_deployment", uri="slipway://deployment", group="slipway")
"""The results of ``deploy``: each a :class:`slipway.flow.deployment.Deployment`."""

DEPLOYMENTS = AssetAlias(name="slipway_deployments", group="slipway")
"""Through which a task hands on as many events of :data:`DEPLOYMENT` as there are platforms, or none."""

OUTCOME = Asset(name="slipway_outcome", uri="slipway://outcome", group="slipway")
"""A run ended, and its end is reported: ``extra["ended"]`` is the :class:`slipway.flow.ended.Ended`."""
