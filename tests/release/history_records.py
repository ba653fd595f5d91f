"""What Slipway and the cluster have on record of a repository's pushes, and what must be true of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text

from slipway.pushes.table import pushes
from tests.release.history_plan import ENVIRONMENTS

NAMESPACES = {"production": "other", "staging": "demo"}
DEPLOYMENTS = text("""\
SELECT e.source_run_id, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id
WHERE a.name = 'slipway_deployment' AND e.extra->>'application' = :application ORDER BY e.timestamp, e.id
""")


@dataclass(frozen=True)
class PushRow:
    """A push on record."""

    id: str
    ref: str
    commit: str
    at: datetime
    source: str
    delivery: str
    state: str
    outcome: str
    reason: str
    digest: str
    rank: int
    """Its place in the order of the code registry's moves."""

    @property
    def stands(self) -> bool:
        """Whether its ref did not go on before it was looked at."""
        return self.outcome != "superseded"


@dataclass(frozen=True)
class Records:
    """Slipway's database, and the cluster."""

    database: Engine
    kubeconfig: Path

    def busy(self, repository: str) -> list[str]:
        """Return the pushes that are under way."""
        query = select(pushes.c.id).where(pushes.c.repository == repository, pushes.c.state != "over")
        with self.database.connect() as connection:
            return list(connection.scalars(query))

    def rows(self, repository: str, since: datetime, ranks: Mapping[str, int]) -> list[PushRow]:
        """Return the pushes since a time, in Slipway's order.

        :param ranks: by the id of a delivery; that of "" is the sweep's.
        """
        query = select(pushes).where(pushes.c.repository == repository, pushes.c.received_at >= since)
        with self.database.connect() as connection:
            found = connection.execute(query.order_by(pushes.c.at)).mappings().all()
        return [
            PushRow(
                id=row["id"],
                ref=row["ref"],
                commit=row["commit_id"],
                at=row["at"],
                source=row["source"],
                delivery=row["delivery"],
                state=row["state"],
                outcome=row["outcome"],
                reason=row["reason"],
                digest=_digest(row["progress"]),
                rank=ranks.get(row["delivery"], -1),
            )
            for row in found
        ]

    def deployments(self, application: str) -> dict[str, list[str]]:
        """Return the ids of the pushes that were deployed, by environment, in the order of their ends."""
        found: dict[str, list[str]] = {name: [] for name in ENVIRONMENTS}
        with self.database.connect() as connection:
            for run, extra in connection.execute(DEPLOYMENTS, {"application": application}):
                found[extra["environment"]].append(run)
        return found

    def running(self, application: str, environment: str) -> tuple[str, str, int]:
        """Return commit, digest and ready pods of what the cluster itself has; empty without any."""
        selector = f"--selector=slipway.io/application={application}"
        listed = self.kubectl(environment, "get", "deployment", selector, "-o", "json")
        if not (items := json.loads(listed)["items"]):
            return "", "", 0
        [one] = items
        [container] = one["spec"]["template"]["spec"]["containers"]
        ready = int(one["status"].get("readyReplicas", 0))
        commit = one["metadata"]["annotations"]["slipway.io/commit"]
        return commit, container["image"].partition("@")[2], ready

    def remove(self, application: str) -> None:
        """Take away what is deployed."""
        for name in ENVIRONMENTS:
            objects = ("deployment,service,configmap", f"--selector=slipway.io/application={application}")
            self.kubectl(name, "delete", *objects)

    def kubectl(self, environment: str, *arguments: str) -> bytes:
        """Run kubectl in the namespace of an environment."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--namespace={NAMESPACES[environment]}"]
        return subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=120).stdout


def _digest(progress: Mapping[str, Any]) -> str:
    built = (progress["platforms"].get("container") or {}).get("built") or {}
    return str((built.get("image") or {}).get("digest", ""))


def wanted(rows: Sequence[PushRow], tips: Mapping[str, str], refs: Iterable[str]) -> PushRow | None:
    """Return the push that an environment must run: the last of what its refs point to.

    A ref that was deleted takes nothing away: what it pointed to last, as far as anybody learned of it,
    stays until something is pushed after it. What the sweep found counts as pushed when it was found.
    """
    standing: list[PushRow] = []
    for ref in refs:
        mine = [row for row in rows if row.ref == ref and row.stands]
        if ref in tips:
            mine = [row for row in mine if row.commit == tips[ref]]
            assert mine, f"{ref} points to {tips[ref]}, of which nothing is on record"
        standing += mine
    return max(standing, key=lambda row: (row.rank, row.at), default=None)
