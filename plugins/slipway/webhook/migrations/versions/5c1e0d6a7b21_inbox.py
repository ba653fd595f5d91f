"""The inbox of webhook deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5c1e0d6a7b21"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "slipway_webhook_delivery"
INDEXES = {
    "idx_slipway_webhook_delivery_search": ["source", "event", "received_at"],
    "idx_slipway_webhook_delivery_status": ["status", "received_at"],
    "idx_slipway_webhook_delivery_partition": ["partition_key"],
}


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(140), primary_key=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("delivery", sa.String(100), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("commit_id", sa.String(64), nullable=False),
        sa.Column("partition_key", sa.String(250)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True)),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, TABLE, columns)


def downgrade() -> None:
    """Remove the table and what it holds."""
    for name in INDEXES:
        op.drop_index(name, TABLE)
    op.drop_table(TABLE)
