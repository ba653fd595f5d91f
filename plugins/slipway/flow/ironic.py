"""How a bare-metal image runs on OpenStack Ironic: ``bare_metal.ironic`` of ``slipway.yaml``."""

from __future__ import annotations

from slipway.flow.record import Record


class Ironic(Record):
    """Nodes that are deployed with the image."""
