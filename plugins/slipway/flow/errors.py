"""The two kinds of failure; apart from the records, whose library loads longer than kubectl may wait."""

from __future__ import annotations


class SlipwayError(Exception):
    """What a person must read to go on: the rule that was broken, and the cure."""


class TransientError(SlipwayError):
    """The far side did not answer as it should: the same request may succeed later."""
