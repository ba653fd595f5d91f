"""``python -m lab.archive``: pins the current versions of the lab's packages from Debian's archive.

apt reads the releases' indexes into a folder of its own and checks them against Debian's keyring; the
versions, paths and hashes in them become ``pins.json``. The machine's own lists stay as they are.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab import debian
from lab.archive.pins import PINS, WANTED, Pin, write_pins
from lab.command import run
from lab.server import LabError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def main() -> int:
    """Pin every wanted package; return the exit code."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            pins = [
                _pin(shown, suite)
                for suite in sorted(set(WANTED.values()))
                for shown in _shown(suite, [n for n, s in WANTED.items() if s == suite], Path(folder, suite))
            ]
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    write_pins(pins)
    for pin in pins:
        print(f"{pin.name:<16} {pin.suite:<9} {pin.version}")
    print(f"written to {PINS}")
    return 0


def _shown(suite: str, names: Sequence[str], folder: Path) -> list[str]:
    """Return what the index of ``suite`` says of each of ``names``."""
    if not KEYRING.exists():
        raise LabError(f"{KEYRING} is missing; install Debian's package debian-archive-keyring")
    options = _private(suite, folder)
    run(["apt-get", *options, "-o", "APT::Update::Error-Mode=any", "update"], seconds=300)
    return [run(["apt-cache", *options, "show", "--no-all-versions", name]) for name in names]


def _private(suite: str, folder: Path) -> list[str]:
    """Return apt's options for lists of its own in ``folder``, of ``suite`` alone."""
    for name in ("lists/partial", "sources", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    entry = f"deb [signed-by={KEYRING}] {debian.archive(suite)} {suite} main\n"
    (folder / "sources" / f"{suite}.list").write_text(entry)
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": folder / "sources",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _pin(shown: str, suite: str) -> Pin:
    fields = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line and line[0] != " ")
    return Pin(fields["Package"], suite, fields["Version"], fields["Filename"], fields["SHA256"])


if __name__ == "__main__":
    sys.exit(main())
