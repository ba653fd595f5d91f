"""``slipway demo``: two pushes of the example application, from ``git push`` to every platform."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from rich.console import Console

from slipway.cli import NOT_SO, OK, demo_starts, demo_tenants, settings
from slipway.cli.api import DIRECT, Airflow
from slipway.cli.failure import explain
from slipway.cli.query import get_status
from slipway.cli.repository import WorkingCopy
from slipway.cli.status import PushStatus
from slipway.cli.tables import console, print_statuses, printable
from slipway.cli.watch import follow
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError

REPOSITORY = "examples/hello"
_ANSWER_SECONDS = 20.0
_FINE = ("running", "nothing")
"""States of a platform that the push is through with; the example's container has to be running."""


class DemoError(SlipwayError):
    """A push of the demo did not end as a page that answers with its commit."""


def run(options: argparse.Namespace) -> int:
    """Push twice; returns 0 only if each commit's page answered."""
    variables = settings.environment(Path.cwd())
    login = settings.airflow(variables, options.airflow_url, options.airflow_user)
    server = settings.login(variables, "SLIPWAY_GIT_URL", "SLIPWAY_GIT_USER", "SLIPWAY_GIT_PASSWORD")
    out = console()
    with TemporaryDirectory(prefix="slipway-demo-") as folder, Airflow(login) as airflow:
        copy = WorkingCopy(Path(folder), server, REPOSITORY)
        copy.create(example())
        try:
            for number in (1, 2):
                status = _push(copy, number, airflow, options.timeout, out)
            _what_runs(out, status)
            if "SLIPWAY_TENANTS_KUBECONFIG" in variables:
                demo_tenants.show(variables, login, options.timeout, out)
            if replay := variables.get("SLIPWAY_REPLAY"):
                demo_starts.show(Path(replay), login, status, options.timeout, out)
        except (DemoError, demo_tenants.TenantError, demo_starts.StartError) as error:
            out.print(f"\nslipway: {error}", style="red", markup=False)
            return NOT_SO
    _what_next(out, login, status)
    return OK


def example() -> Path:
    """Return the folder of the example application.

    :raises SlipwayError: when the command does not run from a checkout.
    """
    for root in (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[3]):
        if (folder := root / "lab" / REPOSITORY).is_dir():
            return folder
    raise SlipwayError("lab/examples/hello is not here: run `slipway demo` inside a checkout of Slipway.")


def _push(copy: WorkingCopy, number: int, airflow: Airflow, seconds: int, out: Console) -> PushStatus:
    started = time.monotonic()
    message = f"push {number} of the demo of {datetime.now(UTC):%Y-%m-%d %H:%M:%S %Z}"
    (copy.folder / "message.txt").write_text(f"{message}\n")
    push = PushEvent(repository=REPOSITORY, ref="refs/heads/main", commit=copy.commit(message))
    out.print(f"\ngit push {REPOSITORY} main ({push.short_commit}: {message})", style="bold", markup=False)
    for line in copy.push():
        out.print(f"  remote: {printable(line)}", markup=False)
    stages = follow(airflow, push.partition_key, seconds, out)
    status = get_status(airflow, push.partition_key)
    for name, platform in status.platforms.items():
        if platform.state not in _FINE or (name == "container" and not platform.url):
            raise DemoError(explain(airflow, stages, name, platform, seconds))
        if platform.url:
            answer = _get(platform.url, push.commit)
            out.print(f"  curl {platform.url}\n    {answer}", markup=False)
    out.print(f"  everywhere {time.monotonic() - started:.1f} s after the push began", markup=False)
    return status


def _get(url: str, commit: str) -> str:
    """Return the page's first line once it names ``commit``: replaced replicas may answer a moment longer."""
    with httpx.Client(timeout=5, mounts=DIRECT) as client:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                said = client.get(url).text.strip()
            except httpx.HTTPError as error:
                said = f"an error: {error}"
            if commit in said:
                return printable(said.splitlines()[0])
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
    raise DemoError(
        f"{url} does not answer with {commit} but with {said[:200]!r}. "
        "The rollout was healthy: look who else answers there (`kubectl get svc,pods -A`)."
    )


def _what_runs(out: Console, status: PushStatus) -> None:
    out.print("\nBoth pushes are built and deployed. What runs now:\n", style="bold", markup=False)
    print_statuses(out, [status])


def _what_next(out: Console, login: settings.Login, status: PushStatus) -> None:
    command = _command()
    out.print(
        f"""
Airflow's UI   {login.url}  (user {login.user}, password {login.password})
Try next       {command} status                 every application's newest push
               {command} status {status.commit[:12]} --json
               source .lab/env; kubectl get pods -n demo
               git clone $SLIPWAY_GIT_URL/{REPOSITORY}.git (user and password: see .lab/env);
               change message.txt, commit, push
               push lab/examples/crashing as examples/crashing: see how a bad rollout is taken back
Stop           make lab-down                        leaves nothing behind""",
        markup=False,
    )


def _command() -> str:
    """Return how this command is called from the current folder."""
    called = Path(sys.argv[0]).absolute()
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else called.name
