"""GitHub's payloads as the npm package ``@octokit/webhooks-examples`` publishes them.

Fetched by npm once, into the cache. Beside this module is a selection of their shapes, with other values.
https://github.com/octokit/webhooks
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/webhooks-examples"
VERSION = "7.6.1"


@dataclass(frozen=True)
class Example:
    """One payload of one event."""

    product: str
    event: str
    number: int
    payload: dict[str, Any]


class UnavailableError(Exception):
    """The package is not here, and npm cannot fetch it."""


def shapes() -> list[Example]:
    """Return the selection: what pushes, pings, and events of no repository look like."""
    found = json.loads(Path(__file__).with_name("payloads.json").read_text())
    return [Example("shapes", one["event"], number, one["payload"]) for number, one in enumerate(found)]


def examples() -> list[Example]:
    """Return every example of GitHub's and of its Enterprise servers.

    :raises UnavailableError: when they cannot be fetched.
    """
    return [
        Example(index.parent.name, event["name"], number, payload)
        for index in sorted(_package().glob("*/index.json"))
        for event in json.loads(index.read_text())
        for number, payload in enumerate(event["examples"])
    ]


def _package() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway" / "npm"
    kept = cache / f"webhooks-examples-{VERSION}"
    if not kept.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        fetched = Path(tempfile.mkdtemp(dir=cache, prefix=".fetch-"))
        try:
            _npm_install(fetched)
            fetched.rename(kept)
        finally:
            shutil.rmtree(fetched, ignore_errors=True)
    return kept / "node_modules" / PACKAGE


def _npm_install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError(f"npm is needed to fetch {PACKAGE}: apt-get install npm")
    command = [
        npm,
        "install",
        "--prefix",
        str(folder),
        "--ignore-scripts",
        "--no-save",
        f"{PACKAGE}@{VERSION}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"npm cannot fetch {PACKAGE}@{VERSION}: {done.stderr[-200:]!r}")
