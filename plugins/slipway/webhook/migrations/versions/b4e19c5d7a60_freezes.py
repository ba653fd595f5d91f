"""Freezes that people began, and the commits that they let through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b4e19c5d7a60"
down_revision = "c3d9a41f7e60"
branch_labels = None
depends_on = None

TABLE = "slipway_freeze"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(40), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("commit_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("also_rollbacks", sa.Boolean, nullable=False),
        sa.Column("begun_by", sa.String(255), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(255)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_index("idx_slipway_freeze_environment", TABLE, ["environment", "until"])


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_table(TABLE)
