"""The DAGs that a push starts, without tasks."""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAtRuntime

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.platforms import PIPELINES

for name in (PUSH, *PIPELINES.values(), DEPLOY):
    with DAG(name, schedule=PartitionedAtRuntime(), catchup=False):
        pass
