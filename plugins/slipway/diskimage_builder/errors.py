"""Errors of diskimage-builder, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class ElementError(SlipwayError):
    """Permanent: an element is missing or breaks a rule."""


class DiskimageBuildError(SlipwayError):
    """Permanent: the build failed; the element, its script and what it said are in the message."""


class PackageSourceError(SlipwayError):
    """Permanent: a package source has no such release, or no index."""


class TransientPackageSourceError(TransientError):
    """A package source did not answer: worth another try."""
