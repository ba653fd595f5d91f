"""Errors of Git, named by what the caller does next."""

from __future__ import annotations

from slipway.flow.record import SlipwayError, TransientError


class RepositoryError(SlipwayError):
    """Permanent: the same request will fail again."""


class RepositoryGoneError(RepositoryError):
    """The repository is not there, or this login may not see it."""


class CommitGoneError(RepositoryError):
    """The repository no longer has the commit: it was force-pushed away."""


class TransientRepositoryError(TransientError):
    """The server did not answer as it should: worth another try."""


_GONE = ("not our ref", "no such remote ref", "couldn't find remote ref", "unadvertised object")
_ABSENT = ("not found", "does not exist", "does not appear to be a git repository")
_DENIED = (
    "authentication failed",
    "could not read username",
    "returned error: 401",
    "returned error: 403",
)


def error_of(repository: str, commit: str, said: str) -> SlipwayError:
    """Turn what git said into an error; its own words are repeated, capped."""
    text = " ".join(said.split())[-400:]
    lowered = text.lower()
    if any(sign in lowered for sign in _GONE):
        return CommitGoneError(
            f"{repository} no longer has commit {commit}: it was force-pushed away. Push again. (git: {text})"
        )
    if any(sign in lowered for sign in _DENIED):
        return RepositoryGoneError(
            f"the code registry refuses the login of connection slipway_github for {repository}. "
            f"Give it a token that may read the repository. (git: {text})"
        )
    if any(sign in lowered for sign in _ABSENT):
        return RepositoryGoneError(
            f"{repository} is not on the code registry (any more), or the login of connection "
            f"slipway_github may not see it. (git: {text})"
        )
    return TransientRepositoryError(f"git could not fetch {repository} at {commit}: {text}")
