"""The inputs of a bare-metal image, and the names derived from them. Pure."""

from __future__ import annotations

from uuid import UUID, uuid5

from slipway.flow.image import input_digest
from slipway.flow.record import Digest, Record

FORMAT = 1
"""Raised when Slipway's builds from the same inputs change, so that images are built again."""
_NAMESPACE = UUID("0c5d2b39-0c5a-4d39-9f0e-2b7c53a8a6d4")


class ElementInputs(Record):
    """Everything that decides an image, as far as anyone can."""

    elements: tuple[str, ...]
    """As asked for, in this order."""
    trees: dict[str, Digest]
    """Of every element that takes part."""
    variables: dict[str, str]
    """Those that decide what is in the image."""
    options: dict[str, str]
    """What diskimage-builder is asked for besides."""
    tool: str
    """diskimage-builder's version."""
    sources: dict[str, Digest] = {}
    """State of the package sources."""

    @property
    def digest(self) -> str:
        """The input digest."""
        return input_digest({"format": FORMAT, **self.to_json()})


def build_name(application: str, run: str) -> str:
    """Return how the folder of a run's build is called on its worker."""
    return f"slipway-dib-{application}-{uuid5(_NAMESPACE, run).hex[:16]}"
