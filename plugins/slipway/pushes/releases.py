"""What ran where: rows of releases. Every function works in the caller's transaction.

They are Slipway's own rows, because Airflow's ``db clean`` removes the events of deployments. Each question
reads a few rows by an index, however many releases there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from slipway.flow.deployment import Deployment
from slipway.flow.history import Past, Ran, came, reachable
from slipway.flow.retention.promises import KeptPlace, RetentionRule, RulesOf
from slipway.pushes.store import aware, lock
from slipway.pushes.table import releases

NEWEST = 11
"""Releases of a place that a person may be shown: the one that runs, and some others."""


def take(session: Session, names: Sequence[str], made: Sequence[Deployment]) -> Ran:
    """Record what came to a place; the same again changes nothing but the time.

    :param names: all that the repository has, or had.
    :param made: the deployments of one release, at least one.
    """
    environment, commit = made[0].environment, made[0].push.commit
    names = _folded((*names, made[0].push.repository))
    # A renamed repository has several names, and its first one stays.
    lock(session, f"slipway release {names[0]} {environment}")
    same = _row(session, names, environment, commit)
    current = next(iter(newest(session, names, environment, 1)), None)
    ran = came(made, _read(same) if same else None, current)
    values = {"at": ran.past.since.astimezone(UTC)} | ran.to_json()
    if same is None:
        key = {"repository": names[-1], "environment": environment, "commit_id": commit}
        session.execute(releases.insert().values(key | values))
    else:
        session.execute(
            update(releases).where(*_of([same["repository"]], environment, commit)).values(values)
        )
    return ran


def newest(session: Session, names: Sequence[str], environment: str, most: int) -> list[Ran]:
    """Return the commits that ran in a place, the last one first."""
    query = select(releases).where(*_of(names, environment)).order_by(releases.c.at.desc()).limit(most)
    return [_read(row) for row in session.execute(query).mappings()]


def find(session: Session, names: Sequence[str], environment: str, commit: str) -> Ran | None:
    """Return a commit that ran in a place."""
    row = _row(session, names, environment, commit)
    return _read(row) if row else None


def choice(session: Session, names: Sequence[str], environment: str, commit: str = "") -> list[Ran]:
    """Return what a rollback chooses from, the last one first; deployments of that one alone.

    :param commit: one that is asked for by name.
    """
    query = select(releases.c.past).where(*_of(names, environment)).order_by(releases.c.at.desc())
    others = map(Past.from_json, session.scalars(query.limit(NEWEST)))
    current = next(iter(newest(session, names, environment, 1)), None)
    found = {one.push.commit: Ran(past=one, deployments={}) for one in others}
    if current:
        found[current.past.push.commit] = current
    for wanted in (commit, current.past.before if current else ""):
        if wanted and wanted not in found and (one := find(session, names, environment, wanted)):
            found[wanted] = one
    return sorted(found.values(), key=lambda one: one.past.since, reverse=True)


def kept(session: Session, of: RulesOf) -> Iterator[KeptPlace]:
    """Yield the releases of an application that must stay, of each environment that it ever had."""
    for environment in _environments(session, of.names):
        yield _kept(session, of.names, environment, of.environments.get(environment, of.others))


def _kept(session: Session, names: Sequence[str], environment: str, rule: RetentionRule) -> KeptPlace:
    place, columns = _of(names, environment), releases.c
    newest_first = select(columns.past).where(*place).order_by(columns.at.desc()).limit(rule.good)
    last = [Past.from_json(one) for one in session.scalars(newest_first)]

    def another(commit: str) -> Past | None:
        found = _row(session, names, environment, commit)
        return Past.from_json(found["past"]) if found else None

    recent: dict[str, datetime] = {}
    if last and last[-1].since > rule.since:  # else none of the others is younger
        since = select(columns.commit_id, columns.at).where(*place, columns.at > rule.since.astimezone(UTC))
        recent = {commit: aware(at) for commit, at in session.execute(since)}
    return KeptPlace(
        repository=names[-1],
        environment=environment,
        last=tuple(one.push.commit for one in reachable(last, rule.good, another)),
        recent=recent,
    )


def _environments(session: Session, names: Sequence[str]) -> list[str]:
    """Return the environments with releases: one step in the index for each, and not a look at every row."""
    found: set[str] = set()
    for name in _folded(names):
        last: str | None = ""
        while last is not None:
            after = (releases.c.repository == name, releases.c.environment > last)
            last = session.scalar(select(func.min(releases.c.environment)).where(*after))
            found |= {last} if last else set()
    return sorted(found)


def _row(session: Session, names: Sequence[str], environment: str, commit: str) -> Mapping[Any, Any] | None:
    query = select(releases).where(*_of(names, environment, commit)).order_by(releases.c.at.desc()).limit(1)
    return session.execute(query).mappings().first()


def _of(names: Sequence[str], environment: str, commit: str = "") -> tuple[Any, ...]:
    columns = releases.c
    place = (columns.repository.in_(_folded(names)), columns.environment == environment)
    return (*place, columns.commit_id == commit) if commit else place


def _folded(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.casefold() for name in names))


def _read(row: Mapping[Any, Any]) -> Ran:
    return Ran.from_json({"past": row["past"], "deployments": row["deployments"]})
