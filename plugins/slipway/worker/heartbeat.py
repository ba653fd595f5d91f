"""Celery's settings, as Airflow's provider has them; and a file that is touched while a worker lives.

For ``[celery] celery_config_options``. A worker sends a heartbeat through its broker every two seconds, and
touches :data:`FILE` with each. A healthcheck then looks at the file's age; Celery's own question (``inspect
ping``) would start a Python that imports Celery, each time.

https://docs.celeryq.dev/en/stable/userguide/signals.html#heartbeat-sent
"""

from __future__ import annotations

from pathlib import Path

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import heartbeat_sent

FILE = Path("/tmp/slipway-worker-lives")  # noqa: S108 - empty, and of the container's own
CONFIG = DEFAULT_CELERY_CONFIG


def touch(**_: object) -> None:
    """Touch the file."""
    FILE.touch()


heartbeat_sent.connect(touch)
