"""When the DAGs run that start by themselves. UTC; an installation may say otherwise by environment."""

from __future__ import annotations

import os

PREFIX = "SLIPWAY_SCHEDULE_"
NEVER = "none"


def schedule(dag_id: str, default: str) -> str | None:
    """Return the cron expression of ``SLIPWAY_SCHEDULE_<DAG_ID>``, or ``default``; None for ``none``."""
    chosen = os.environ.get(f"{PREFIX}{dag_id.upper()}", "").strip() or default
    return None if chosen.lower() == NEVER else chosen
