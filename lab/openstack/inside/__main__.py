"""``python -m lab.openstack.inside <service> <port>``: one service of OpenStack, served by gunicorn."""

from __future__ import annotations

import sys

from lab.openstack.inside.applications import APPLICATIONS
from lab.openstack.inside.serve import Server


def main() -> None:
    """Serve until asked to stop."""
    service, port = sys.argv[1:]
    # The services read the command line as their own.
    sys.argv = [service]
    Server(APPLICATIONS[service], int(port)).run()


if __name__ == "__main__":
    main()
