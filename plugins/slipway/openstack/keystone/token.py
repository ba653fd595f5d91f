"""A token as it was issued."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Token:
    """A token, and until when it is good."""

    text: str = field(repr=False)
    expires_at: datetime
