"""(d) What each DAG file costs to parse beyond `import airflow.sdk`, and that it does no I/O."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 0.5
ROUNDS = 3


def probe(dag_file: Path) -> tuple[float, list[str]]:
    """Parse ``dag_file`` in a fresh interpreter; return seconds and what it did beside parsing."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.parse_probe", str(dag_file)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["forbidden"]


def run() -> Iterator[Result]:
    """Yield one result a DAG file."""
    for dag_file in sorted((ROOT / "dags").glob("*.py")):
        rounds = [probe(dag_file) for _ in range(ROUNDS)]
        yield Result(
            name=f"parse_{dag_file.stem}",
            claim=f"time to parse dags/{dag_file.name} beyond `import airflow.sdk`",
            peer="import airflow.sdk",
            slipway_seconds=[seconds for seconds, _ in rounds],
            measure="seconds",
            limit=LIMIT_SECONDS,
            notes=sorted({f"at parse time: {what}" for _, found in rounds for what in found}),
        )
