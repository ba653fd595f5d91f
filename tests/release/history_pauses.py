"""DAGs that histories pause, several at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

import httpx


@dataclass
class Pauses:
    """The DAGs that histories pause, which are everybody's: one goes on when nobody keeps it paused."""

    api: httpx.Client
    kept: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def change(self, dag_id: str, by: int) -> None:
        """Pause a DAG (1), or let it go on (-1)."""
        with self.lock:
            self.kept[dag_id] += by
            paused = self.kept[dag_id] > 0
            answer = self.api.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": paused})
            assert answer.status_code == 200, answer.text
