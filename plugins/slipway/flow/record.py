"""What every record of the flow has in common."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

SHA256 = re.compile(r"^sha256:[0-9a-f]{64}$")

Digest = Annotated[str, StringConstraints(pattern=SHA256.pattern)]
"""``sha256:`` and 64 hexadecimal digits, as the OCI image specification writes a digest."""

CommitId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
"""A full Git object id: 40 hexadecimal digits (SHA-1) or 64 (SHA-256)."""

RepositoryName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_.-]{1,100}$")
]
"""``owner/name``, as the code registry spells it."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]
"""A DNS label of at most 40 characters, so that names derived from it stay under Kubernetes' 63."""


class SlipwayError(Exception):
    """What a person must read to go on: the rule that was broken, and the cure."""


class Record(BaseModel):
    """A frozen, typed value that refuses unknown fields and travels as plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON types only (for XCom, asset events and the REST API)."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Build the record from what :meth:`to_json` returned.

        :raises pydantic.ValidationError: when ``value`` is not such a record.
        """
        return cls.model_validate(value)
