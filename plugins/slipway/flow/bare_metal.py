"""``bare_metal`` of ``slipway.yaml``: an image for machines, built by diskimage-builder."""

from __future__ import annotations

from slipway.flow.ironic import Ironic
from slipway.flow.record import Record


class BareMetal(Record):
    """The bare-metal image, and how it runs."""

    ironic: Ironic | None = None
    """How the image runs; it is built and kept, and not deployed, without it."""
