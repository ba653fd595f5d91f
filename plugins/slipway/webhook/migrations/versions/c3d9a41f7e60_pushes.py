"""Pushes, a row each: those of before are taken over.

They were events of the asset ``slipway_push``, which gave the DAGs runs by partitions. Of each ref the newest
is recorded as over, so that neither a delivery sent again nor the sweep builds it anew. One that was still
under way is left out: ``reconcile_pushes`` finds it. What the scheduler had pending for it is closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from slipway.flow.push import PushEvent
from slipway.flow.push_id import push_id

revision = "c3d9a41f7e60"
down_revision = "8f2b7c94d310"
branch_labels = None
depends_on = None

TABLE = "slipway_push"
PENDING = "asset_partition_dag_run"
STARTED = ("container_image", "vm_image", "bare_metal_image", "deploy")
"""The DAGs that had runs by partitions."""


def upgrade() -> None:
    """Make the table."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(250), primary_key=True),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("commit_id", sa.String(64), nullable=False),
        sa.Column("rebuild", sa.String(60), nullable=False),
        sa.Column("before_id", sa.String(64), nullable=False),
        sa.Column("pushed_at", moment),
        sa.Column("at", moment, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("pusher", sa.String(255), nullable=False),
        sa.Column("delivery", sa.String(100), nullable=False),
        sa.Column("deploy", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("progress", sa.JSON, nullable=False),
        sa.Column("ended_at", moment),
    )
    op.create_index("idx_slipway_push_ref", TABLE, ["repository", "ref", "at"])
    op.create_index("idx_slipway_push_commit", TABLE, ["repository", "commit_id"])
    op.create_index("idx_slipway_push_state", TABLE, ["state", "received_at"])
    op.create_index("idx_slipway_push_rebuild", TABLE, ["rebuild", "state"])
    if not context.is_offline_mode():
        _take_over(op.get_bind())


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_table(TABLE)


def _take_over(connection: sa.Connection) -> None:
    mine = sa.table(
        PENDING, sa.column("target_dag_id"), sa.column("created_dag_run_id"), sa.column("partition_key")
    )
    pending = (mine.c.target_dag_id.in_(STARTED), mine.c.created_dag_run_id.is_(None))
    under_way = set(connection.scalars(sa.select(mine.c.partition_key).where(*pending)))
    newest: dict[tuple[str, str], PushEvent] = {}
    events = sa.text(
        "SELECT event.extra FROM asset_event event JOIN asset ON asset.id = event.asset_id "
        "WHERE asset.name = 'slipway_push' ORDER BY event.timestamp"
    )
    for (extra,) in connection.execute(events, execution_options={"yield_per": 1000}):
        if (push := _push(extra)) is not None:
            newest[push.repository.casefold(), push.ref] = push
    rows = [_row(push) for push in newest.values() if push.partition_key not in under_way]
    if rows:
        made = sa.Table(TABLE, sa.MetaData(), autoload_with=connection)
        connection.execute(made.insert(), rows)
    connection.execute(sa.delete(mine).where(*pending))


def _push(extra: Any) -> PushEvent | None:
    known: Any = json.loads(extra) if isinstance(extra, str) else extra
    try:
        return PushEvent.from_json(known["push"])
    except (KeyError, TypeError, ValueError):
        return None  # an event that a person made


def _row(push: PushEvent) -> Mapping[str, Any]:
    return {
        "id": push_id(push, 0),
        "repository": push.repository.casefold(),
        "ref": push.ref,
        "commit_id": push.commit,
        "rebuild": "",
        "before_id": "",
        "pushed_at": None,
        "at": push.at,
        "received_at": push.at,
        "source": "webhook",
        "pusher": push.pusher,
        "delivery": push.delivery,
        "deploy": True,
        "state": "over",
        "outcome": "",
        "reason": "it was pushed before pushes were recorded here",
        "progress": {"repository": push.repository, "platforms": {}},
        "ended_at": push.at,
    }
