"""Errors of Packer, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class TemplateError(SlipwayError):
    """Permanent: the commit's template breaks a rule."""


class PackerError(SlipwayError):
    """Permanent: Packer's build failed; what it said is in the message."""


class TransientPackerError(TransientError):
    """Packer was not heard out: worth another try."""
