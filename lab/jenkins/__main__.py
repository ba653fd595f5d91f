"""``python -m lab.jenkins``: serve until asked to stop."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from lab.jenkins.app import create_app
from lab.jenkins.seed import seed
from lab.jenkins.settings import Settings, User


def main() -> None:
    """Read the command line and the environment, and serve."""
    parser = argparse.ArgumentParser(prog="python -m lab.jenkins", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--root", type=Path, required=True, help="folder that everything is kept in")
    parser.add_argument(
        "--webhook", metavar="URL", required=True, help="where seeded jobs say what became of them"
    )
    parser.add_argument("--executors", type=int, default=4, help="how many builds run at once")
    parser.add_argument("--restart-seconds", type=float, default=3.0, help="how long a restart takes")
    options = parser.parse_args()
    user, password, token, secret = (
        _variable(f"LAB_JENKINS_{name}") for name in ("USER", "PASSWORD", "TOKEN", "WEBHOOK_SECRET")
    )
    settings = Settings(
        root=options.root,
        url=f"http://{options.host}:{options.port}/",
        user=User(user, password, token),
        executors=options.executors,
        restart_seconds=options.restart_seconds,
        webhook_secret=secret,
        environment={"SLIPWAY_WEBHOOK": options.webhook},
    )
    app = create_app(settings)
    seed(app.state.jenkins.home)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        sys.exit(f"lab.jenkins: {name} must be set in the environment")
    return value


if __name__ == "__main__":
    main()
