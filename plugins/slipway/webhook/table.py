"""Slipway's tables in Airflow's database: the inbox, one row a delivery; refusals that are only counted;
turns to deploy; builds under way; freezes.

An accepted delivery is kept under its source and delivery id, so that the same id is stored once. All
others get an id of their own: a sender without the secret can neither occupy a delivery id nor learn
which are taken, and a delivery that was refused or ignored can be sent again after the cause is gone.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Index, Integer, String, Table

from slipway.pushes.table import metadata as metadata

deliveries = Table(
    "slipway_webhook_delivery",
    metadata,
    Column("id", String(140), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("delivery", String(100), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("event", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("repository", String(255), nullable=False),
    Column("ref", String(512), nullable=False),
    Column("commit_id", String(64), nullable=False),
    Column("partition_key", String(250)),
    Column("status", String(16), nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("sender", String(64), nullable=False),
    Column("payload", JSON(none_as_null=True)),
    Index("idx_slipway_webhook_delivery_search", "source", "event", "received_at"),
    Index("idx_slipway_webhook_delivery_status", "status", "received_at"),
    Index("idx_slipway_webhook_delivery_partition", "partition_key"),
)

tally = Table(
    "slipway_webhook_tally",
    metadata,
    Column("sender", String(64), primary_key=True),
    Column("http_status", Integer, primary_key=True),
    Column("about", String(255), primary_key=True),
    Column("signed", Boolean, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("delivery", String(100), nullable=False),
    Column("event", String(64), nullable=False),
    Column("reason", String(500), nullable=False),
    Index("idx_slipway_webhook_tally_last", "signed", "last_at"),
)
"""Refusals that are counted. ``about``: the repository, or whose webhook the sender claims to be;
``delivery``, ``event`` and ``reason`` are the last one's."""

turns = Table(
    "slipway_turn",
    metadata,
    Column("place", String(300), primary_key=True),
    Column("contenders", JSON, nullable=False),
)
"""One row for each application and environment: the :class:`slipway.flow.turns.Contender` of it, as JSON."""

builds = Table(
    "slipway_build",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("dag_id", String(250), nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
"""One row for each image that a run builds now (:class:`slipway.flow.single_flight.BuildClaim`); one of a run
that is over goes with the next claim."""

freezes = Table(
    "slipway_freeze",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("environment", String(40), nullable=False),
    Column("repository", String(255), nullable=False),
    Column("commit_id", String(64), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("also_rollbacks", Boolean, nullable=False),
    Column("begun_by", String(255), nullable=False),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("ended_by", String(255)),
    Column("ended_at", DateTime(timezone=True)),
    Index("idx_slipway_freeze_environment", "environment", "until"),
    Index("idx_slipway_freeze_until", "until"),
)
"""One row for each freeze that a person began, and for each commit that a person let through one (it has the
commit). ``repository`` is in lower case, "" for all. Rows stay: they are the record of who did what."""
