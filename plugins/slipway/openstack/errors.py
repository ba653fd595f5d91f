"""What OpenStack could not do, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class OpenstackError(SlipwayError):
    """Permanent: the same request will fail again."""


class TransientOpenstackError(TransientError):
    """OpenStack did not answer as it should: worth another try."""
