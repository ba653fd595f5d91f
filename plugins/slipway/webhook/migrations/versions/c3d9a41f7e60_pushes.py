"""Pushes, a row each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "c3d9a41f7e60"
down_revision = "8f2b7c94d310"
branch_labels = None
depends_on = None

TABLE = "slipway_push"


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


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_table(TABLE)
