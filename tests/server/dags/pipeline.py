"""The least DAG that waits for pushes."""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from slipway.assets import PUSH

with DAG("pipeline", schedule=PartitionedAssetTimetable(assets=PUSH), catchup=False):
    pass
