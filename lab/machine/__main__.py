"""``python -m lab.machine 12|13``: the lab and a push on a fresh Debian, to the page (about an hour).

Everything stays in ``.machine/<release>`` of the checkout: logs, and while it runs the machine's disks.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab import debian
from lab.host import codename, require_root
from lab.machine.carried import uv_cache, write_carried
from lab.machine.disk import CARRIED, TOOLS, disk_of
from lab.machine.guest import Guest, booted
from lab.machine.prepared import prepared_openstack
from lab.machine.settings import variables
from lab.paths import Paths, this_checkout
from lab.patience import VARIABLE
from lab.ports import is_free
from lab.server import LabError

RELEASES = {"12": "bookworm", "13": "trixie"}
SERVERS = ("git", "artifactory", "kubernetes", "airflow")
"""What a container's push meets, and what these need; machines inside the machine would take hours."""
PATIENCE = 12
FIRST_PORT = 2222
PUSH_LINES = 25


@dataclass(frozen=True)
class Stage:
    """One command inside the machine, and its limit in seconds, on a machine without other load."""

    name: str
    command: Sequence[str]
    seconds: float


PROJECT = "/root/slipway"
STAGES = (
    Stage("settle in", ("cp", "-rT", f"{CARRIED}/settings", "/"), 60),
    Stage("clone", ("git", "clone", "--quiet", f"{CARRIED}/project.bundle", PROJECT), 300),
    Stage("make venv", ("make", "-C", PROJECT, "venv"), 1800),
    Stage("make lab-up", ("make", "-C", PROJECT, "lab-up", f"ARGS={' '.join(SERVERS)}"), 7200),
    Stage("push", (f"{PROJECT}/.venv/bin/python", "-m", "lab.machine.push"), 7200),
    Stage("make lab-down", ("make", "-C", PROJECT, "lab-down"), 900),
)


def main() -> int:
    """Do what the command line says; return the exit code."""
    options = _options()
    try:
        require_root()
        codename()
        _try(RELEASES[options.debian], this_checkout(), hold=options.hold)
    except LabError as error:
        print(f"machine: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.machine", description=__doc__)
    parser.add_argument("debian", choices=list(RELEASES), help="the release of the fresh machine")
    parser.add_argument(
        "--hold", action="store_true", help="on a failure, keep the machine for SSH until a key is pressed"
    )
    return parser.parse_args()


def _try(release: str, paths: Paths, *, hold: bool) -> None:
    folder = paths.checkout / ".machine" / release
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "making.log"
    if missing := debian.missing(TOOLS):
        _say(f"installing with apt: {' '.join(missing)}")
        debian.install(missing, log)
    carried = folder / "carried.raw"
    try:
        with _timed("disk"):
            disk = disk_of(release, paths.cache, log)
        with _timed("clone and caches"):
            made = prepared_openstack(release, disk, paths, uv_cache(paths), log)
            write_carried(release, paths, made, carried, log)
        begun = time.monotonic()
        with booted(disk, carried, folder, _free_port(), _say) as guest:
            _say(f"{'boot':<18} {time.monotonic() - begun:6.0f} s")
            printed = {stage.name: _run(stage, guest, hold=hold) for stage in STAGES}
        last = printed["push"].splitlines()[-PUSH_LINES:]
        _say("\n".join(["", f"the push on Debian {release}, its last lines:", *last]))
    finally:
        carried.unlink(missing_ok=True)


def _run(stage: Stage, guest: Guest, *, hold: bool) -> str:
    environment = {
        **variables(),
        VARIABLE: str(PATIENCE),
        "XDG_CACHE_HOME": f"{CARRIED}/cache",
        "UV_LINK_MODE": "copy",
        "PYTHONPATH": PROJECT,
        "HOME": "/root",
    }
    try:
        with _timed(stage.name):
            return guest.run(stage.command, environment, stage.seconds)
    except LabError as error:
        if hold:
            _say(f"{stage.name} {error}\nthe machine keeps running; log in: {guest.login()}\nenter ends it")
            sys.stdin.readline()
        raise LabError(
            f"{stage.name} {error}\nits output: {guest.log}; its console: {guest.console}"
        ) from error


@contextmanager
def _timed(name: str) -> Iterator[None]:
    begun = time.monotonic()
    _say(f"{name} ...")
    yield
    _say(f"{name:<18} {time.monotonic() - begun:6.0f} s")


def _free_port() -> int:
    return next(port for port in range(FIRST_PORT, FIRST_PORT + 200) if is_free(port))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
