"""The run of a pipeline, as its records say it, and what a person follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime

from slipway.flow.record import Record


class Run(Record):
    """The DAG run that builds."""

    id: str
    started: AwareDatetime
    url: str


class Links(Record):
    """Where a person sees what a run was about."""

    commit: str
    image: str


def run_of(context: Mapping[str, Any]) -> Run:
    """Return the run of Airflow's task context."""
    return Run(
        id=context["run_id"],
        started=context["dag_run"].start_date or datetime.now(UTC),
        url=context["ti"].log_url,
    )
