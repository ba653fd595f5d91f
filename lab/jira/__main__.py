"""``python -m lab.jira``: serve until asked to stop."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from lab.jira.app import create_app
from lab.jira.settings import Settings


def main() -> None:
    """Read the command line and the environment, and serve."""
    parser = argparse.ArgumentParser(prog="python -m lab.jira", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--root", type=Path, required=True, help="folder that issues are kept in")
    options = parser.parse_args()
    user, token = os.environ.get("LAB_JIRA_USER"), os.environ.get("LAB_JIRA_TOKEN")
    if not user or not token:
        sys.exit("lab.jira: LAB_JIRA_USER and LAB_JIRA_TOKEN must be set in the environment")
    app = create_app(Settings(options.root, user, token))
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
