"""Errors of a cluster, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.release import SupersededError as SupersededError

SHOWN = 1000
"""Characters of a foreign text that an error repeats."""


class ClusterError(SlipwayError):
    """Permanent: the same request will fail again."""


class ClusterRefusedError(ClusterError):
    """The cluster refuses an object, or it is someone else's."""


class ClusterConflictError(ClusterError):
    """The object was changed by someone else between reading and writing it."""


class TransientClusterError(TransientError):
    """The cluster did not answer as expected: worth another try."""
