"""``python -m lab.git``: serve repositories on one port until asked to stop.

The login comes by environment (LAB_GIT_USER, LAB_GIT_PASSWORD), and so does what signs the webhooks
(SLIPWAY_WEBHOOK_SECRET): arguments can be read by every user of the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from lab.git.app import GitServer
from lab.git.repository import Repositories, write_settings

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Serve until SIGTERM."""
    options = _options()
    uvicorn.run(
        _server(options), host=options.host, port=options.port, log_level="info", timeout_graceful_shutdown=5
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.git", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder of the bare repositories")
    parser.add_argument("--webhook", required=True, help="URL that gets a signed delivery for every push")
    return parser.parse_args()


def _server(options: argparse.Namespace) -> GitServer:
    root: Path = options.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    settings = root / ".settings"
    return GitServer(
        repositories=Repositories(root),
        user=_required("LAB_GIT_USER"),
        password=_required("LAB_GIT_PASSWORD"),
        url=f"http://{options.host}:{options.port}/git",
        settings=write_settings(settings, [sys.executable, "-S", "-m", "lab.git.post_receive"]),
        environment={
            "HOME": str(settings),
            "PYTHONPATH": str(CHECKOUT),
            "LAB_GIT_WEBHOOK_URL": options.webhook,
            "SLIPWAY_WEBHOOK_SECRET": _required("SLIPWAY_WEBHOOK_SECRET"),
        },
    )


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        sys.exit(f"lab.git: {name} is not set; the lab sets it when it starts this server")
    return value


if __name__ == "__main__":
    main()
