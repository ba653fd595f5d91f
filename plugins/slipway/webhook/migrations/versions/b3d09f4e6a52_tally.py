"""Refusals that are counted, one row a sender."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b3d09f4e6a52"
down_revision = "b4e19c5d7a60"
branch_labels = None
depends_on = None

TABLE = "slipway_webhook_tally"
INDEX = "idx_slipway_webhook_tally_last"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("http_status", sa.Integer, primary_key=True),
        sa.Column("about", sa.String(255), primary_key=True),
        sa.Column("signed", sa.Boolean, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery", sa.String(100), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
    )
    op.create_index(INDEX, TABLE, ["signed", "last_at"])


def downgrade() -> None:
    """Remove the table and what it holds."""
    op.drop_index(INDEX, TABLE)
    op.drop_table(TABLE)
