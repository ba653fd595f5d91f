"""A DAG that waits for two assets of one key, as ``deploy`` waits for its images."""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from slipway.assets import CONTAINER_IMAGE, VM_IMAGE

with DAG("gate", schedule=PartitionedAssetTimetable(assets=CONTAINER_IMAGE & VM_IMAGE), catchup=False):
    pass
