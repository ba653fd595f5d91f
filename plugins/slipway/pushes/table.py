"""The table of pushes in Airflow's database."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, DateTime, Index, MetaData, String, Table

metadata = MetaData()
"""Of all of Slipway's tables."""

pushes = Table(
    "slipway_push",
    metadata,
    Column("id", String(250), primary_key=True),
    Column("repository", String(255), nullable=False),
    Column("ref", String(512), nullable=False),
    Column("commit_id", String(64), nullable=False),
    Column("rebuild", String(60), nullable=False),
    Column("before_id", String(64), nullable=False),
    Column("pushed_at", DateTime(timezone=True)),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("source", String(16), nullable=False),
    Column("pusher", String(255), nullable=False),
    Column("delivery", String(100), nullable=False),
    Column("deploy", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("progress", JSON, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index("idx_slipway_push_ref", "repository", "ref", "at"),
    Index("idx_slipway_push_commit", "repository", "commit_id"),
    Index("idx_slipway_push_state", "state", "received_at"),
    Index("idx_slipway_push_rebuild", "rebuild", "state"),
)
"""One row for each :class:`slipway.flow.ref_order.Reported` that was recorded; ``repository`` in lower case,
``at`` is its place in the ref's order, ``progress`` a :data:`slipway.flow.push_progress.PushProgress`."""
