"""The base of all platforms' triggers: following a rollout takes no worker."""

from __future__ import annotations

from typing import Any

from airflow.triggers.base import BaseTrigger


class WatchTrigger(BaseTrigger):  # type: ignore[misc]
    """Follows what a platform's watch says, and fires with its outcome as JSON.

    :param watch: as JSON.
    :param conn_id: of the cluster or cloud.
    """

    def __init__(self, watch: dict[str, Any], conn_id: str) -> None:
        super().__init__()
        self.watch = watch
        self.conn_id = conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the fields."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"watch": self.watch, "conn_id": self.conn_id}
