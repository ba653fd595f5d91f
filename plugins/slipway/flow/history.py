"""An application's earlier releases, read from its deployments, and the choice of one to go back to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import AwareDatetime

from slipway.flow.deployment import Deployment
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Name, Record, RepositoryName, SlipwayError


class AppEnvironment(Record):
    """One application in one environment."""

    repository: RepositoryName
    environment: Name

    def runs(self, deployment: Deployment) -> bool:
        """Say whether ``deployment`` was made here."""
        same = deployment.push.repository.casefold() == self.repository.casefold()
        return same and deployment.environment == self.environment


class Past(Record):
    """A release that ran in a place: its push, its platforms, and when it came."""

    push: PushEvent
    platforms: tuple[Platform, ...]
    since: AwareDatetime

    def __str__(self) -> str:
        """For people: commit, platforms, and the time."""
        platforms = ", ".join(self.platforms)
        return f"{self.push.short_commit} ({platforms}; {self.since:%Y-%m-%d %H:%M:%S} UTC)"


def releases(deployments: Iterable[Deployment], place: AppEnvironment) -> list[Past]:
    """Return what ran in ``place``, newest first; what followed each other of one commit is one release.

    :param deployments: newest first.
    """
    found: list[Past] = []
    for one in filter(place.runs, deployments):
        if found and found[-1].push.commit == one.push.commit:
            platforms = dict.fromkeys((*found[-1].platforms, one.platform))
            found[-1] = Past(push=one.push, platforms=tuple(platforms), since=one.since)
        else:
            found.append(Past(push=one.push, platforms=(one.platform,), since=one.since))
    return found


def by_place(deployments: Iterable[Deployment]) -> dict[AppEnvironment, list[Past]]:
    """Return what ran in every place, newest first; the repositories' names in lower case.

    :param deployments: newest first.
    """
    found: dict[AppEnvironment, list[Deployment]] = {}
    for one in deployments:
        place = AppEnvironment(repository=one.push.repository.casefold(), environment=one.environment)
        found.setdefault(place, []).append(one)
    return {place: releases(made, place) for place, made in found.items()}


def reachable(past: Sequence[Past], most: int) -> list[Past]:
    """Return the releases that a rollback may be asked for, the one that runs among them, newest first.

    Those are the last ``most`` that differ in their commits, and the last ``most`` to which going back step
    by step leads: of what was left that way, the first are not always the second.
    """
    commits = list(dict.fromkeys(one.push.commit for one in past))
    wanted, number = set(commits[:most]), 0
    for _ in range(most):
        if number == len(past):
            break
        commit = past[number].push.commit
        wanted.add(commit)
        number = 1 + max(index for index, one in enumerate(past) if one.push.commit == commit)
    newest = {one.push.commit: one for one in reversed(past)}
    return [newest[commit] for commit in commits if commit in wanted]


def running(deployments: Iterable[Deployment], place: AppEnvironment) -> dict[Platform, Deployment]:
    """Return what runs in ``place`` now, by platform: the deployments of the release that came last.

    :param deployments: newest first.
    :raises SlipwayError: when nothing does.
    """
    found: dict[Platform, Deployment] = {}
    for one in filter(place.runs, deployments):
        if any(other.push.commit != one.push.commit for other in found.values()):
            break
        found.setdefault(one.platform, one)
    if not found:
        raise _never_deployed(place)
    return found


def before(past: Sequence[Past], place: AppEnvironment) -> Past:
    """Return the release to go back to: the one before the current one first came.

    So going back twice goes two releases back, and never forward to what was just left.

    :param past: newest first.
    :raises SlipwayError: when there is none.
    """
    current = _current(past, place)
    first = max(number for number, one in enumerate(past) if one.push.commit == current.push.commit)
    if first + 1 < len(past):
        return past[first + 1]
    raise SlipwayError(
        f"{current} is the first known release of {place.repository} in {place.environment}: there is no "
        "earlier one to go back to. Name a commit that was built, or push a commit that reverts."
    )


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
        f"Airflow's asset events record no deployment of {place.repository} to {place.environment}. Check "
        "both names; `slipway status --app` shows what runs."
    )
