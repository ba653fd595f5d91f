"""Settings of Airflow that Slipway works best with: what an installation lacks is said when it starts.

docs/airflow.md
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

log = logging.getLogger(__name__)

ASSET_MANAGER = "slipway.partitions.KeyedAssetManager"
LATE_SECONDS = 1
DOCUMENT = "docs/airflow.md"


class Settings(Protocol):
    """Airflow's configuration."""

    def get(self, section: str, key: str, /, *, fallback: str) -> str | None:
        """Return a setting."""

    def getint(self, section: str, key: str, /) -> int:
        """Return a whole number."""


def warn() -> None:
    """Say in the log what is lacking, a line each; it is no error."""
    from airflow.configuration import conf

    for advice in lacking(conf):
        log.warning("%s (%s)", advice, DOCUMENT)


def lacking(settings: Settings) -> Iterator[str]:
    """Yield what is lacking, why it matters, and the cure."""
    if settings.get("core", "asset_manager_class", fallback="") == ASSET_MANAGER:
        yield f"{ASSET_MANAGER} does nothing any more: remove [core] asset_manager_class"
    late = settings.getint("workers", "min_heartbeat_interval")
    if late > LATE_SECONDS:
        yield (
            f"the end of a task may be noticed {late} s late, and a task that waited may be retried: set "
            f"[workers] min_heartbeat_interval to {LATE_SECONDS}"
        )
