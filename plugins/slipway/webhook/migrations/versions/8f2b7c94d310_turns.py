"""Whose turn it is to deploy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "8f2b7c94d310"
down_revision = "5c1e0d6a7b21"
branch_labels = None
depends_on = None

TABLE = "slipway_turn"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("place", sa.String(300), primary_key=True),
        sa.Column("contenders", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_table(TABLE)
