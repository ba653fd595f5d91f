"""What ran where, and what was reported last, as rows of Slipway's own.

They were events of the assets ``slipway_deployment`` and ``slipway_outcome``, which grow for ever, or are
removed by Airflow's ``db clean``. The events that there are are taken over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import context, op

from slipway.flow.deployment import Deployment
from slipway.flow.ended import Ended
from slipway.flow.history import Ran, came

revision = "d7e2a95b1c44"
down_revision = "b3d09f4e6a52"
branch_labels = None
depends_on = None

RELEASES, OUTCOMES = "slipway_release", "slipway_outcome"
FREEZES_INDEX = "idx_slipway_freeze_until"
PAGE = 1000
R = TypeVar("R")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        RELEASES,
        sa.Column("repository", sa.String(255), primary_key=True),
        sa.Column("environment", sa.String(40), primary_key=True),
        sa.Column("commit_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("past", sa.JSON, nullable=False),
        sa.Column("deployments", sa.JSON, nullable=False),
    )
    op.create_index("idx_slipway_release_newest", RELEASES, ["repository", "environment", "at"])
    op.create_table(
        OUTCOMES,
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("ended", sa.JSON, nullable=False),
    )
    op.create_index(FREEZES_INDEX, "slipway_freeze", ["until"])
    if not context.is_offline_mode():
        _take_over(op.get_bind())


def downgrade() -> None:
    """Remove the tables and what they hold."""
    op.drop_index(FREEZES_INDEX, "slipway_freeze")
    op.drop_table(OUTCOMES)
    op.drop_table(RELEASES)


def _take_over(connection: sa.Connection) -> None:
    kept: dict[tuple[str, str, str], Ran] = {}
    last: dict[tuple[str, str], Ran] = {}
    for one in _events(connection, "slipway_deployment", Deployment.from_json):
        place = one.push.repository.casefold(), one.environment
        key = (*place, one.push.commit)
        last[place] = kept[key] = came([one], kept.get(key), last.get(place))
    _insert(connection, RELEASES, [_row(key, ran) for key, ran in kept.items()])
    reported = {
        one.key: one
        for one in _events(connection, "slipway_outcome", lambda it: Ended.from_json(it["ended"]))
    }
    _insert(connection, OUTCOMES, [{"key": key, "ended": one.to_json()} for key, one in reported.items()])


def _row(key: tuple[str, str, str], ran: Ran) -> Mapping[str, Any]:
    names = dict(zip(("repository", "environment", "commit_id"), key, strict=True))
    return {**names, "at": ran.past.since.astimezone(UTC), **ran.to_json()}


def _insert(connection: sa.Connection, table: str, rows: list[Mapping[str, Any]]) -> None:
    made = sa.Table(table, sa.MetaData(), autoload_with=connection)
    for start in range(0, len(rows), PAGE):
        connection.execute(made.insert(), rows[start : start + PAGE])


def _events(connection: sa.Connection, asset: str, read: Callable[[Any], R]) -> Iterator[R]:
    events = sa.text(
        "SELECT event.extra FROM asset_event event JOIN asset ON asset.id = event.asset_id "
        "WHERE asset.name = :asset ORDER BY event.timestamp, event.id"
    )
    # In pages, on the server's side: there may be hundreds of thousands.
    for (extra,) in connection.execute(events, {"asset": asset}, execution_options={"yield_per": PAGE}):
        with suppress(KeyError, TypeError, ValueError):  # of another version, or made by a person
            yield read(json.loads(extra) if isinstance(extra, str) else extra)
