"""The demo's end: a Jenkinsfile and ``slipway run`` ask for what was pushed, and nothing has to be built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from slipway.cli.settings import Login
from slipway.cli.status import PushStatus
from slipway.cli.tables import printable
from slipway.flow.record import SlipwayError

PIPELINE = "container_image"


class StartError(SlipwayError):
    """A run that was asked for did not end well."""


def show(replay: Path, login: Login, status: PushStatus, seconds: int, out: Console) -> None:
    """Start one run by each, and show what they print.

    :param replay: the lab's folder with what runs a Jenkinsfile.
    :raises StartError: when one of them fails.
    """
    asked = {"APP": status.repository, "COMMIT": status.commit, "REF": status.ref}
    out.print("\nThe same commit, asked for by a Jenkinsfile (include/recipes/jenkins)", style="bold")
    _run(
        replay_command(replay),
        replay_environment(login, PIPELINE, asked, f"demo-{time.time_ns()}"),
        seconds,
        out,
    )
    out.print("\nThe same commit, asked for by `slipway run`", style="bold", markup=False)
    command = [sys.executable, "-m", "slipway.cli", "run", PIPELINE, "--app", status.repository, "--wait"]
    named = {"AIRFLOW_URL": login.url, "AIRFLOW_USER": login.user, "AIRFLOW_PASSWORD": login.password}
    arguments = ["--commit", status.commit, "--ref", status.ref]
    _run([*command, *arguments], os.environ | named, seconds, out)


def replay_command(replay: Path) -> list[str]:
    """Return the command that runs the example Jenkinsfile without a Jenkins."""
    library = replay.parents[1] / "include" / "recipes" / "jenkins"
    paths = (replay / "replay.groovy", library, library / "Jenkinsfile")
    return ["groovy", "-cp", str(replay), *map(str, paths)]


def replay_environment(login: Login, pipeline: str, asked: Mapping[str, str], build: str) -> dict[str, str]:
    """Return the environment of a replayed build.

    :param asked: parameters of the example Jenkinsfile.
    :param build: makes its tag, which is the idempotency key.
    """
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "JAVA_HOME") if name in os.environ},
        "AIRFLOW_URL": login.url,
        "BUILD_TAG": f"jenkins-{build}",
        "REPLAY_PARAMETERS": json.dumps({"PIPELINE": pipeline, **asked}),
        "REPLAY_USER": login.user,
        "REPLAY_PASSWORD": login.password,
    }


def _run(command: list[str], environment: Mapping[str, str], seconds: int, out: Console) -> None:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise StartError(f"{command[0]} is not installed: `make lab-up` installs it.") from None
    except subprocess.TimeoutExpired:
        raise StartError(f"{command[0]} has not ended after {seconds} s; see `make lab-status`.") from None
    for line in (*done.stderr.splitlines(), *done.stdout.splitlines()):
        out.print(f"  {printable(line)}", markup=False)
    if done.returncode != 0:
        raise StartError(f"the run that was asked for did not end well; what {command[0]} said stands above.")
