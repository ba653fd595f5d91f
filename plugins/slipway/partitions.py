"""One pending run of a DAG for each partition key, also when a key's events arrive at the same moment.

Airflow 3.3 looks for the pending run (``asset_partition_dag_run``) under a lock on the row of the event's
asset. ``deploy`` waits for three assets: events of two of them at once hold two locks, find nothing and make
two pending runs, of which neither ever has all its events (docs/decisions/0019).

https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#asset-manager-class
"""

from __future__ import annotations

from typing import Any

from airflow.assets.manager import AssetManager
from airflow.models.asset import AssetEvent
from sqlalchemy import text
from sqlalchemy.orm import Session

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


class KeyedAssetManager(AssetManager):  # type: ignore[misc]
    """Airflow's asset manager, which takes in one event of a partition key after the other."""

    @classmethod
    def register_asset_change(
        cls, *, session: Session, partition_key: str | None = None, **others: Any
    ) -> AssetEvent | None:
        """Record an event; the transaction holds the key's lock to its end.

        PostgreSQL has locks by name. SQLite needs none: Airflow's own is the whole file's there.
        """
        if partition_key is not None and session.get_bind().dialect.name == "postgresql":
            session.execute(_LOCK, {"key": f"slipway:{partition_key}"})
        event: AssetEvent | None = super().register_asset_change(
            session=session, partition_key=partition_key, **others
        )
        return event
