"""``python -m lab up|down|restart|status``: the lab of the checkout this file belongs to."""

from __future__ import annotations

import argparse
import sys

from lab.ground import ground_of
from lab.kubernetes.versions import VERSIONS, version_named
from lab.paths import this_checkout
from lab.profile import Profile
from lab.running import Running
from lab.server import LabError


def main() -> int:
    """Do what the command line says; return the exit code (``status``: 1 unless everything is up)."""
    options = _options()
    lab = Running(ground_of(this_checkout()), say=_say)
    try:
        if options.command == "up":
            lab.up(
                options.server,
                options.profile and Profile(options.profile),
                options.kubernetes and version_named(options.kubernetes),
            )
        elif options.command == "restart":
            lab.restart(options.server)
        elif options.command == "down":
            lab.down()
        else:
            return 0 if lab.status() else 1
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; started servers keep running (make lab-down stops them)", file=sys.stderr)
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start servers that are not up, with those that they need")
    up.add_argument("server", nargs="*", help="only these (default: all)")
    up.add_argument("--profile", choices=list(Profile), help="optional parts that the lab has from now on")
    versions = " or ".join(version.minor for version in VERSIONS)
    up.add_argument(
        "--kubernetes", metavar="VERSION", help=f"version of Kubernetes, until lab-down: {versions}"
    )
    restart = commands.add_parser("restart", help="restart servers, and those that need them")
    restart.add_argument("server", nargs="+")
    commands.add_parser("down", help="stop everything and remove the state")
    commands.add_parser("status", help="show which servers are up")
    return parser.parse_args()


def _say(line: str) -> None:
    """Print a line whole: servers that start side by side say so side by side."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
