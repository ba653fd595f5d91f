"""Errors of the engine or a registry, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError

SHOWN = 500
"""Characters of a foreign text that an error repeats."""


class DockerError(SlipwayError):
    """Permanent: the same request will fail again."""


class DockerfileError(DockerError):
    """The Dockerfile breaks a rule: ``file:line: rule; cure``."""


class ContextError(DockerError):
    """The build context cannot be sent."""


class ContainerBuildError(DockerError):
    """A step of the build failed."""


class BaseImageError(DockerError):
    """A base image is in no registry that may serve it."""


class DigestMismatchError(DockerError):
    """Bytes do not match their announced digest."""


class TransientDockerError(TransientError):
    """The far side did not answer as it should: worth another try."""
