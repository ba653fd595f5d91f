"""``python -m lab.artifactory``: serve until asked to stop."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from lab.artifactory.app import create_app
from lab.artifactory.settings import Login, Settings


def main() -> None:
    """Read the command line and the environment, and serve."""
    parser = argparse.ArgumentParser(prog="python -m lab.artifactory", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--root", type=Path, required=True, help="folder that everything is kept in")
    parser.add_argument("--docker-registry", metavar="URL", help="what the Docker repositories show")
    options = parser.parse_args()
    settings = Settings(
        root=options.root,
        login=_login("LAB_ARTIFACTORY"),
        reader=_login("LAB_ARTIFACTORY_READER") if "LAB_ARTIFACTORY_READER_USER" in os.environ else None,
        registry_url=options.docker_registry,
        registry_login=_login("LAB_ARTIFACTORY_REGISTRY") if options.docker_registry else None,
    )
    uvicorn.run(create_app(settings), host=options.host, port=options.port, log_level="info")


def _login(prefix: str) -> Login:
    user, password = os.environ.get(f"{prefix}_USER"), os.environ.get(f"{prefix}_PASSWORD")
    if not user or not password:
        sys.exit(f"lab.artifactory: {prefix}_USER and {prefix}_PASSWORD must be set in the environment")
    return Login(user, password)


if __name__ == "__main__":
    main()
