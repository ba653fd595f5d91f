"""``python -m lab.machine.push``: one push of an application with a container only, followed to its end.

It runs inside the machine, in a checkout whose lab is up; other platforms are machines themselves, which an
emulated machine would emulate for hours.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from lab.paths import this_checkout
from lab.patience import stretched
from lab.process import wait_gone
from slipway.cli import settings
from slipway.cli.api import Airflow
from slipway.cli.failure import explain
from slipway.cli.query import get_status
from slipway.cli.repository import WorkingCopy
from slipway.cli.tables import console, print_statuses, printable
from slipway.cli.watch import follow
from slipway.flow.push import PushEvent

REPOSITORY = "examples/own-manifests"
PUSH_SECONDS = 600
PAGE_SECONDS = 60


def main() -> int:
    """Push; return 0 only if the page of the commit's own container answered."""
    checkout = this_checkout().checkout
    variables = settings.environment(checkout)
    login = settings.airflow(variables)
    server = settings.login(variables, "SLIPWAY_GIT_URL", "SLIPWAY_GIT_USER", "SLIPWAY_GIT_PASSWORD")
    out, begun = console(), time.monotonic()
    with TemporaryDirectory(prefix="slipway-push-") as folder, Airflow(login) as airflow:
        copy = WorkingCopy(Path(folder), server, REPOSITORY)
        copy.create(checkout / "lab" / REPOSITORY)
        commit = copy.commit("a push on a fresh machine")
        push = PushEvent(repository=REPOSITORY, ref="refs/heads/main", commit=commit)
        for line in copy.push():
            out.print(f"  remote: {printable(line)}", markup=False)
        seconds = int(stretched(PUSH_SECONDS))
        stages = follow(airflow, push.partition_key, seconds, out)
        status = get_status(airflow, push.partition_key)
        container = status.platforms["container"]
        print_statuses(out, [status])
        if container.state != "running" or not container.url:
            out.print(explain(airflow, stages, "container", container, seconds), markup=False)
            return 1
        if not wait_gone(lambda: _answers(container.url or ""), PAGE_SECONDS):
            out.print(f"{container.url} does not answer", markup=False)
            return 1
    out.print(f"{container.url} answers, {time.monotonic() - begun:.0f} s after the push began", markup=False)
    return 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=stretched(5), trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
