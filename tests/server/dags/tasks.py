"""DAGs with tasks that have settings of their own: for rows of runs."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, PartitionedAtRuntime

with DAG(
    "two_tasks",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=5)},
    params={"repository": Param("octo/hello", type="string")},
):
    first = EmptyOperator(
        task_id="first",
        task_display_name="The first",
        queue="images",
        pool="few",
        pool_slots=2,
        priority_weight=7,
        weight_rule="absolute",
        executor_config={"cores": 2},
        run_as_user="builder",
    )
    first >> EmptyOperator(task_id="second", retries=0)

with DAG("mapped_task", schedule=PartitionedAtRuntime(), catchup=False):
    BashOperator.partial(task_id="each").expand(bash_command=["true", "false"])
