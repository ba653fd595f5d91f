"""States that Airflow's REST API gives runs."""

from __future__ import annotations

LIVING = ("queued", "running")
"""Of a run that has not ended."""
