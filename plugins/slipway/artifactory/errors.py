"""What Artifactory could not do, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class ArtifactoryError(SlipwayError):
    """Permanent: the same request will fail again."""


class TransientArtifactoryError(TransientError):
    """Artifactory did not answer as it should: worth another try."""
