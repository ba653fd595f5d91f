"""What OpenStack could not do, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError


class OpenstackError(SlipwayError):
    """Permanent: the same request will fail again."""
