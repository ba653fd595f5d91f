"""Executed in a fresh interpreter: parse one DAG file, and print what that took and touched.

Prints one JSON line: ``{"seconds": float, "forbidden": [str, ...]}``. ``forbidden`` lists network,
database and file-system work that the file did at parse time; the interpreter's own reading of
modules is not counted, nor is ``apps.yaml``, which the forms take their choices from.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path

import airflow.sdk  # noqa: F401  the yardstick: what every DAG file pays
import croniter  # type: ignore[import-untyped]  # noqa: F401  Airflow's own, for cron: runs `file`

NETWORK = {
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "sqlite3.connect",
    "subprocess.Popen",
    "os.system",
}
MODULE_SUFFIXES = (
    ".py",
    ".pyc",
    ".so",
    ".pth",
    ".zip",
    ".dist-info",
    "entry_points.txt",
    "METADATA",
    "PKG-INFO",
)


def _is_import(path: str) -> bool:
    if path == os.devnull:  # an import looks at it for its files' type
        return True
    return path.endswith(MODULE_SUFFIXES) or any(
        path.startswith(prefix) for prefix in (sys.prefix, sys.base_prefix)
    )


def main(dag_file: str) -> None:
    """Parse ``dag_file`` and print the findings."""
    forbidden: list[str] = []

    def audit(event: str, args: tuple[object, ...]) -> None:
        if event in NETWORK:
            forbidden.append(f"{event} {args[1:]!r}"[:200])
        elif event == "open" and isinstance(args[0], str) and not _is_import(os.path.realpath(args[0])):
            forbidden.append(f"open {args[0]}")

    sys.path.insert(0, str(Path(dag_file).parent))
    sys.addaudithook(audit)
    start = time.perf_counter()
    runpy.run_path(dag_file)
    seconds = time.perf_counter() - start
    from slipway.config import apps_file  # not before: the file pays for importing it

    found = [one for one in forbidden if one != f"open {apps_file()}"]
    print(json.dumps({"seconds": seconds, "forbidden": found}))


if __name__ == "__main__":
    main(sys.argv[1])
