"""Errors of the sandbox."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class SandboxError(SlipwayError):
    """Permanent: the worker lacks what it takes to run the program apart."""


class TransientSandboxError(TransientError):
    """The program could not be started apart now: worth another try."""


class ProgramTimeoutError(SlipwayError):
    """The program did not end in its time."""


class ProgramInterruptedError(TransientError):
    """The program was ended before it was done, because its task was asked to end."""


class OccupiedError(TransientError):
    """Another try has the folder: worth waiting for."""
