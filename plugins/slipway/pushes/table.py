"""The tables of pushes and of what came of them, in Airflow's database."""

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

releases = Table(
    "slipway_release",
    metadata,
    Column("repository", String(255), primary_key=True),
    Column("environment", String(40), primary_key=True),
    Column("commit_id", String(64), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("past", JSON, nullable=False),
    Column("deployments", JSON, nullable=False),
    Index("idx_slipway_release_newest", "repository", "environment", "at"),
)
"""What ran where: one row for each commit of an application in an environment, however often it came.
``repository`` is in lower case, as it was called when the commit first came; ``at`` is when it came last;
``past`` and ``deployments`` are the :class:`slipway.flow.history.Ran`."""

outcomes = Table(
    "slipway_outcome",
    metadata,
    Column("key", String(250), primary_key=True),
    Column("ended", JSON, nullable=False),
)
"""The :class:`slipway.flow.ended.Ended` reported last, by its key: a DAG, an application, an environment."""
