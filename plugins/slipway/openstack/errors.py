"""Errors of OpenStack, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


def may_pass(status: int | None) -> bool:
    """Say whether an answer with this status, or none, is worth another try."""
    return not status or status in (408, 429) or status >= 500


class OpenstackError(SlipwayError):
    """Permanent: the same request will fail again."""


class TransientOpenstackError(TransientError):
    """OpenStack did not answer as expected: worth another try."""
