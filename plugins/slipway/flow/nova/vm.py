"""``vm`` of ``slipway.yaml``: a virtual machine's image, built by Packer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from slipway.flow.machine_image import Boot, GlanceProperty
from slipway.flow.nova.spec import Nova
from slipway.flow.packer import Packer


class Vm(Packer):
    """The virtual machine's image, and how it runs."""

    build_seconds: Annotated[int, Field(ge=30, le=86400)] = 3600
    """How long Packer may take."""
    boot: Boot = Boot()
    properties: dict[GlanceProperty, str] = {}
    """Properties of the image in Glance, such as ``os_distro`` and ``hw_disk_bus``."""
    nova: Nova | None = None
    """How the image runs; it is built and kept, and not deployed, without it."""
