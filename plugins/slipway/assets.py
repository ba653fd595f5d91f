"""The assets that join the DAGs; a partition key carries one push through them."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

PUSH = Asset(
    name="slipway_push",
    uri="slipway://push",
    group="slipway",
    extra={"registered by": "POST /slipway/webhooks/github"},
)
"""A push arrived: ``extra["push"]`` is the :class:`slipway.flow.push.PushEvent`."""

CONTAINER_IMAGE = Asset(name="slipway_container_image", uri="slipway://image/container", group="slipway")
"""What ``container_image`` hands on: ``extra`` is the :class:`slipway.flow.image.Built`."""

VM_IMAGE = Asset(name="slipway_vm_image", uri="slipway://image/vm", group="slipway")
"""What ``vm_image`` hands on: ``extra`` is the :class:`slipway.flow.image.Built`."""

BARE_METAL_IMAGE = Asset(name="slipway_bare_metal_image", uri="slipway://image/bare-metal", group="slipway")
"""What ``bare_metal_image`` hands on: ``extra`` is the :class:`slipway.flow.image.Built`."""

IMAGES = (CONTAINER_IMAGE, VM_IMAGE, BARE_METAL_IMAGE)

DEPLOYMENT = Asset(name="slipway_deployment", uri="slipway://deployment", group="slipway")
"""What ``deploy`` put into place: each a :class:`slipway.flow.deployment.Deployment`."""

DEPLOYMENTS = AssetAlias(name="slipway_deployments", group="slipway")
"""Through which a task hands on as many events of :data:`DEPLOYMENT` as there are platforms, or none."""

OUTCOME = Asset(name="slipway_outcome", uri="slipway://outcome", group="slipway")
"""A run ended, and people are told of it: ``extra["ended"]`` is the :class:`slipway.flow.ended.Ended`."""
