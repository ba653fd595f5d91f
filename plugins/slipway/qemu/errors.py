"""Errors of a machine that was started on the worker."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class QemuError(SlipwayError):
    """Permanent: this worker cannot run machines."""


class TransientQemuError(TransientError):
    """The machine could not be started now: worth another try."""


class BootError(SlipwayError):
    """Permanent: the image does not boot, or does not say what it should."""
