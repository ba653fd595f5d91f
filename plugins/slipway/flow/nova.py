"""How a virtual machine's image runs on OpenStack Nova: ``vm.nova`` of ``slipway.yaml``."""

from __future__ import annotations

from slipway.flow.record import Record


class Nova(Record):
    """Servers made from the image."""
