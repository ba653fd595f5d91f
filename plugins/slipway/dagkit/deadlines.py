"""Runs that take longer than they should: after how long, and who is notified.

https://airflow.apache.org/docs/apache-airflow/stable/howto/deadline-alerts.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from slipway.dagkit.links import run_page
from slipway.flow.errors import SlipwayError
from slipway.flow.states import LIVING

log = logging.getLogger(__name__)

PREFIX = "SLIPWAY_DEADLINE_"
NEVER = "none"


def deadline(dag_id: str, minutes: int) -> DeadlineAlert | None:
    """Return a DAG's alert: after ``SLIPWAY_DEADLINE_<DAG_ID>`` minutes, or ``minutes``; None for ``none``.

    Counted from when the run was queued, and anew when a person clears it.

    :raises SlipwayError: when the variable is neither.
    """
    variable = f"{PREFIX}{dag_id.upper()}"
    chosen = os.environ.get(variable, "").strip() or str(minutes)
    if chosen.lower() == NEVER:
        return None
    if not (chosen.isascii() and chosen.isdigit() and int(chosen) > 0):
        raise SlipwayError(f"{variable} is {chosen!r}: it must be a whole number of minutes, or {NEVER!r}.")
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        # In seconds, as Airflow stored them before 3.3 and still reads them. With a timedelta, no run can be
        # cleared: https://github.com/apache/airflow/issues/70368
        interval=int(chosen) * 60,
        callback=AsyncCallback(tell_late),
        name=f"{dag_id} takes long",
    )


async def tell_late(context: Mapping[str, Any]) -> None:
    """Tell those whom ``apps.yaml`` names that a run takes long. Runs in the triggerer: no blocking calls.

    :param context: ``dag_run`` as the REST API shows it, and ``deadline``; Airflow hands on no more.
    """
    import asyncio

    from slipway.config import load_apps
    from slipway.flow import telling
    from slipway.flow.note import waits_for
    from slipway.notices.channels import CHANNELS

    run = context["dag_run"]
    if run["state"] not in LIVING:
        return  # Airflow forgets the deadline of a run that succeeded, and keeps that of one that failed
    if why := waits_for(run.get("note")):
        log.info("%s is not late, it waits: %s", run["dag_run_id"], why)
        return
    repository, commit = _asked_for(run)
    app = (await asyncio.to_thread(load_apps)).find(repository)
    if app is None or app.notify is None or "late" not in app.notify.on:
        log.info("%s has no `late` notification", repository or run["dag_run_id"])
        return
    when = context["deadline"]["deadline_time"]
    shown = when.strftime("%Y-%m-%d %H:%M UTC") if isinstance(when, datetime) else str(when)
    page = run_page(run["dag_id"], run["dag_run_id"])
    message = telling.late(run["dag_id"], repository, commit, shown, page)
    for channel in CHANNELS:
        if audience := channel.audience(app.notify):
            await channel.notifier(message, audience).async_notify(context)


def _asked_for(run: Mapping[str, Any]) -> tuple[str, str]:
    """Return the run's repository and commit, "" for what is not known."""
    from slipway.flow.push import parse_partition_key

    if key := run.get("partition_key"):
        repository, commit, _ = parse_partition_key(key)
        return repository, commit
    form = run.get("conf") or {}
    return str(form.get("repository") or ""), str(form.get("commit") or "")
