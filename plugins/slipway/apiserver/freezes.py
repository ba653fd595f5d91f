"""Freezes that people begin and end, and commits that they let through one. Runs in the API server.

Each is a row of its own, and none is ever changed but to end it: two people at once do not undo what the
other did. An environment is frozen as long as one freeze of it is in force.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow.models.log import Log
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.apiserver.questions import FreezesAnswer
from slipway.flow.apps import Apps
from slipway.flow.followed import DEPLOY
from slipway.flow.freezes import Closed, Exemption, StartedFreeze
from slipway.flow.gate import Frozen, Gate, hold_of
from slipway.flow.record import SlipwayError
from slipway.flow.turns import TurnPlace
from slipway.pushes.store import aware
from slipway.webhook.table import freezes

EVENT = "slipway freeze"
"""How the events in Airflow's audit log begin."""


def begin(session: Session, apps: Apps, wanted: StartedFreeze | Exemption) -> None:
    """Store a freeze, or whom a person lets through, with an entry in Airflow's audit log.

    :raises SlipwayError: when no application has the environment.
    """
    check_place(apps, wanted.environment, wanted.repository)
    commit = wanted.commit if isinstance(wanted, Exemption) else ""
    session.execute(
        freezes.insert().values(
            environment=wanted.environment,
            repository=(wanted.repository or "").casefold(),
            commit_id=commit,
            reason=wanted.reason,
            also_rollbacks=isinstance(wanted, StartedFreeze) and wanted.also_rollbacks,
            begun_by=wanted.by,
            begun_at=wanted.at.astimezone(UTC),
            until=wanted.until.astimezone(UTC),
        )
    )
    record(session, f"{EVENT} --let" if commit else EVENT, wanted.by, wanted.to_json())


def end(
    session: Session, apps: Apps, environment: str, repository: str | None, by: str, now: datetime
) -> list[StartedFreeze]:
    """End the freezes of exactly this environment, or of one application in it; returns them."""
    check_place(apps, environment, repository)
    columns = freezes.c
    mine = (
        (columns.environment == environment)
        & (columns.repository == (repository or "").casefold())
        & (columns.commit_id == "")
        & columns.ended_at.is_(None)
        & (columns.until > now)
    )
    found = session.execute(select(freezes).where(mine).with_for_update()).mappings().all()
    if found:
        ids = [row["id"] for row in found]
        session.execute(
            freezes.update().where(columns.id.in_(ids)).values(ended_by=by, ended_at=now.astimezone(UTC))
        )
        record(session, f"{EVENT} --end", by, {"environment": environment, "repository": repository})
    return [_freeze(row) for row in found]


def in_force(session: Session, apps: Apps, now: datetime) -> FreezesAnswer:
    """Return what holds environments now, and who is let through."""
    started, exemptions = _split(session.execute(select(freezes).where(*_living(now))).mappings())
    closed = [
        Closed(repository=name, environment=environment, hold=hold)
        for name, application in apps.applications.items()
        for environment, one in application.environments.items()
        if (hold := hold_of(environment, one.windows, list(map(Frozen.of_file, one.freezes)), now))
    ]
    return FreezesAnswer(freezes=tuple(started), exemptions=tuple(exemptions), closed=tuple(closed))


def gate_of(session: Session, apps: Apps, place: TurnPlace, now: datetime) -> Gate:
    """Return who may begin a rollout at a place now."""
    columns = freezes.c
    of_place = columns.repository.in_(("", place.repository.casefold()))
    query = select(freezes).where(*_living(now), columns.environment == place.environment, of_place)
    started, exemptions = _split(session.execute(query).mappings())
    application = apps.find(place.repository)
    environment = application.environments.get(place.environment) if application else None
    windows = environment.windows if environment else ()
    every = [
        *map(Frozen.of_file, environment.freezes if environment else ()),
        *map(Frozen.of_person, started),
    ]
    strict = [one for one in every if one.also_rollbacks]
    return Gate(
        hold=hold_of(place.environment, windows, every, now),
        rollbacks=hold_of(place.environment, (), strict, now),
        let={one.commit: one for one in exemptions},
    )


def check_place(apps: Apps, environment: str, repository: str | None) -> None:
    """Check that ``apps.yaml`` has an environment.

    :raises SlipwayError: when it does not.
    """
    if repository:
        apps.get(repository).get_environment(environment, repository)
    elif environment not in apps.environment_names:
        known = ", ".join(apps.environment_names) or "none"
        raise SlipwayError(
            f"no application has an environment {environment!r} in {apps.file}: it has {known}."
        )


def record(session: Session, event: str, by: str, about: dict[str, Any], run_id: str | None = None) -> None:
    """Write into Airflow's audit log, where DAG ``deploy`` shows it."""
    session.add(Log(event=event, owner=by, dag_id=DEPLOY, run_id=run_id, extra=json.dumps(about)))


def _living(now: datetime) -> tuple[Any, ...]:
    return freezes.c.ended_at.is_(None), freezes.c.until > now.astimezone(UTC)


def _split(rows: Iterable[Any]) -> tuple[list[StartedFreeze], list[Exemption]]:
    found, let = list[StartedFreeze](), list[Exemption]()
    for row in rows:
        if row["commit_id"]:
            let.append(Exemption(commit=row["commit_id"], **_common(row)))
        else:
            found.append(_freeze(row))
    return found, let


def _freeze(row: Any) -> StartedFreeze:
    return StartedFreeze(also_rollbacks=row["also_rollbacks"], **_common(row))


def _common(row: Any) -> dict[str, Any]:
    return {
        "environment": row["environment"],
        "repository": row["repository"] or None,
        "reason": row["reason"],
        "by": row["begun_by"],
        "at": aware(row["begun_at"]),
        "until": aware(row["until"]),
    }
