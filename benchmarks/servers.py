"""The lab's servers, as the benchmarks reach them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx

from slipway.cli import settings
from slipway.cli.api import Airflow, TokenAuth

ROOT = Path(__file__).resolve().parents[1]
POLL_SECONDS = 0.05
T = TypeVar("T")


def variables() -> dict[str, str]:
    """Return the variables of the lab, and hand those that tools read to this process."""
    found = settings.environment(ROOT)
    os.environ.update({name: found[name] for name in ("DOCKER_HOST", "KUBECONFIG") if name in found})
    return found


def airflow(known: dict[str, str]) -> Airflow:
    """Return the reading side of Airflow's REST API."""
    return Airflow(settings.airflow(known))


def writing_client(known: dict[str, str]) -> httpx.Client:
    """Return a client that may also start runs."""
    login = settings.airflow(known)
    return httpx.Client(base_url=f"{login.url}/api/v2", auth=TokenAuth(login), timeout=20)


def remote(known: dict[str, str], repository: str) -> str:
    """Return the address to push ``repository`` to, with the lab's login in it."""
    login = settings.login(known, "SLIPWAY_GIT_URL", "SLIPWAY_GIT_USER", "SLIPWAY_GIT_PASSWORD")
    parts = urlsplit(f"{login.url}/{repository}.git")
    return urlunsplit(parts._replace(netloc=f"{login.user}:{login.password}@{parts.netloc}"))


def wait_for(find: Callable[[], T | None], seconds: float, what: str, pause: float = POLL_SECONDS) -> T:
    """Poll until ``find()`` gives something.

    :param pause: seconds between two looks.
    :raises SystemExit: after ``seconds``, naming ``what`` did not come.
    """
    deadline = time.monotonic() + seconds
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {seconds:.0f} s")
        time.sleep(pause)
    return found
