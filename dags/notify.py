"""Reports how runs end: an issue in Jira, and a message in each channel of ``slipway.notices``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, PartitionedAssetTimetable, get_current_context, task

from slipway.assets import OUTCOME
from slipway.dagkit import forms
from slipway.notices.channels import CHANNELS, NoticeChannel
from slipway.pipelines.task_endings import hand_on, retried_if_worth_it

CHANNEL_TASKS = ", ".join(f"**{channel.name}**" for channel in CHANNELS)
ABOUT = f"""\
### What it does

**gather** (how a run ended, and the last lines of its failed task) → **ticket**, {CHANNEL_TASKS} (each only
when `apps.yaml` asks for it, and independent of the others).

A failed pipeline or deployment opens one issue for its application, environment and kind of failure; while it
lasts, further failures are comments; the next success closes it.

### How it starts

By the end of a run: each failure of an application that has `tickets` or `notify` in `apps.yaml`, and the
first success after one. No pipeline waits for it: while Jira does not answer, its tasks are retried for some
hours.
"""
PATIENT: dict[str, Any] = {
    "retries": 20,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}


def task_of(channel: NoticeChannel) -> Any:
    """Return the task that sends by a channel."""

    def send(told: dict[str, Any]) -> None:
        with retried_if_worth_it():
            from slipway.pipelines.people import notify

            notify.tell(channel, notify.Told.from_json(told), get_current_context())

    # The task's id and its page come from these; another qualified name would be another version of the DAG.
    send.__name__ = send.__qualname__ = channel.name
    send.__doc__ = channel.about
    return task(**PATIENT)(send)


with DAG(
    dag_id="notify",
    dag_display_name="Notify",
    description="Reports to people how pipelines and deployments end",
    schedule=PartitionedAssetTimetable(assets=OUTCOME),
    catchup=False,
    max_active_runs=32,
    doc_md=ABOUT,
    tags=["slipway", "people"],
    default_args=forms.DEFAULT_ARGS,
) as dag:

    @task
    def gather() -> dict[str, Any]:
        """Collect what is reported."""
        with retried_if_worth_it():
            from slipway.pipelines.people import notify

            context = get_current_context()
            told = notify.gather(context)
            return hand_on(context, told.to_json(), notify.idle(told))

    # One at a time: two that looked for an issue at the same moment would both open one.
    @task(inlets=[OUTCOME], max_active_tis_per_dag=1, **PATIENT)
    def ticket(told: dict[str, Any]) -> None:
        """Open an issue, comment on it, or close it."""
        with retried_if_worth_it():
            from slipway.pipelines.people import notify

            notify.ticket(notify.Told.from_json(told), get_current_context()["asset_state_store"][OUTCOME])

    told = gather()
    ticket(told)
    for channel in CHANNELS:
        task_of(channel)(told)
