"""Builds under way, one row an image."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "e7a2c4180d93"
down_revision = "d7e2a95b1c44"
branch_labels = None
depends_on = None

TABLE = "slipway_build"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("dag_id", sa.String(250), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_table(TABLE)
