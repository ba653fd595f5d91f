"""An application's earlier releases in an environment, and the choice of one to go back to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import AwareDatetime

from slipway.flow.deployment import Deployment
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Name, Record, RepositoryName, SlipwayError


class AppEnvironment(Record):
    """One application in one environment."""

    repository: RepositoryName
    environment: Name


class Past(Record):
    """A commit that ran in a place: its last push, the platforms it had then, and when it came last."""

    push: PushEvent
    platforms: tuple[Platform, ...]
    since: AwareDatetime
    application: str = ""
    """What it was called."""
    before: str = ""
    """The commit that ran when this one first came; "" when none did."""

    def __str__(self) -> str:
        """For people: commit, platforms, and the time."""
        platforms = ", ".join(self.platforms)
        return f"{self.push.short_commit} ({platforms}; {self.since:%Y-%m-%d %H:%M:%S} UTC)"


class Ran(Record):
    """What is kept of a commit that ran in a place: one record, however often it came."""

    past: Past
    deployments: dict[Platform, Deployment]
    """Of the last time."""


def came(made: Sequence[Deployment], same: Ran | None, current: Ran | None) -> Ran:
    """Return what is to be kept of a commit that came to a place.

    :param made: its deployments, at least one; those of its other platforms may have come before.
    :param same: what was kept of this commit there; None when it never ran there.
    :param current: what was kept of the commit that came last there; None when none did.
    """
    newest = max(made, key=lambda one: one.since)
    own = same is not None and current is not None and same.past.push.commit == current.past.push.commit
    found = {**(same.deployments if same and own else {}), **{one.platform: one for one in made}}
    before = same.past.before if same else current.past.push.commit if current else ""
    return Ran(
        past=Past(
            push=newest.push,
            platforms=tuple(found),
            since=newest.since,
            application=newest.application,
            before=before,
        ),
        deployments=found,
    )


def reachable(past: Sequence[Past], most: int, find: Callable[[str], Past | None]) -> list[Past]:
    """Return the releases that a rollback may be asked for, the one that runs among them, newest first.

    Those are the last ``most``, and the last ``most`` to which going back step by step leads: of what was
    left that way, the first are not always the second.

    :param past: newest first; at least ``most`` of them, if there are so many.
    :param find: returns another commit of the place.
    """
    wanted = {one.push.commit: one for one in past[:most]}
    one = past[0] if past else None
    for _ in range(most):
        if one is None:
            break
        wanted.setdefault(one.push.commit, one)
        one = (wanted.get(one.before) or find(one.before)) if one.before else None
    return sorted(wanted.values(), key=lambda one: one.since, reverse=True)


def before(past: Sequence[Past], place: AppEnvironment) -> Past:
    """Return the release to go back to: the one before the current one first came.

    So going back twice goes two releases back, and never forward to what was just left.

    :param past: newest first, that one among them.
    :raises SlipwayError: when there is none.
    """
    current = _current(past, place)
    found = next((one for one in past if one.push.commit == current.before), None)
    if found is not None:
        return found
    raise SlipwayError(
        f"{current} is the first known release of {place.repository} in {place.environment}: there is no "
        "earlier one to go back to. Name a commit that was built, or push a commit that reverts."
    )


def check_ran(past: Sequence[Past], place: AppEnvironment) -> None:
    """Check that something runs in a place.

    :raises SlipwayError: when nothing does.
    """
    _current(past, place)


def named(past: Sequence[Past], place: AppEnvironment, commit: str) -> Past | None:
    """Return the newest release of ``commit``, or None when it never ran here.

    :param commit: its full id.
    :raises SlipwayError: when it is what runs.
    """
    current = _current(past, place)
    if current.push.commit == commit:
        raise SlipwayError(
            f"{current} already runs in {place.environment}. Name another commit"
            + (f": {', '.join(map(str, past[1:6]))}." if past[1:] else ".")
        )
    return next((one for one in past if one.push.commit == commit), None)


def _current(past: Sequence[Past], place: AppEnvironment) -> Past:
    if not past:
        raise _never_deployed(place)
    return past[0]


def _never_deployed(place: AppEnvironment) -> SlipwayError:
    return SlipwayError(
        f"there is no record of a deployment of {place.repository} to {place.environment}. Check "
        "both names; `slipway status --app` shows what runs."
    )
