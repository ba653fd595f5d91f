"""Single flight: of one image, found by what goes into it, one build runs at a time; others wait and find it.

A claim belongs to a run, and is over when the run is: there is nothing to give back, and nothing that a dead
worker could keep.
"""

from __future__ import annotations

import hashlib

from pydantic import Field

from slipway.flow.record import Digest, Record
from slipway.flow.turns import AirflowId


class Builder(Record):
    """A run that builds an image, or wants to."""

    dag_id: AirflowId
    run_id: AirflowId


class BuildClaim(Record):
    """A run's claim to be the one that builds an image."""

    place: str = Field(max_length=500)
    """The image's place in the registry."""
    inputs: Digest
    mine: Builder

    @property
    def key(self) -> str:
        """The same for all that would build this image; 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.place}\n{self.inputs}".encode()).hexdigest()


class ClaimAnswer(Record):
    """Who builds the image: ``builder`` is whoever asked, or another whose run lives."""

    builder: Builder
