"""Which packages the lab takes from which release of Debian: ``pins.json``, made by ``make debian-pins``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

PINS = Path(__file__).with_name("pins.json")
DOCKER = ("docker.io", "docker-cli", "containerd", "docker-buildx", "docker-compose")
PACKER = "packer"
WANTED = {**dict.fromkeys(DOCKER, "trixie"), PACKER: "bookworm"}
"""Package -> release. All are programs that need no library but glibc 2.34 or older, so that they run on
Debian 12 and 13; Debian 13's ``runc`` and ``tini`` want glibc 2.38, and stay the machine's own release's."""
LACKING = {"trixie": (PACKER,)}
"""Release -> packages of :data:`WANTED` that apt cannot install there."""


@dataclass(frozen=True)
class Pin:
    """One package file of Debian's archive."""

    name: str
    suite: str
    version: str
    path: str
    """Below the archive's address: ``pool/main/...``."""
    sha256: str


def read_pins(path: Path = PINS) -> dict[str, Pin]:
    """Return the pins by their package's name."""
    return {found["name"]: Pin(**found) for found in json.loads(path.read_text())}


def write_pins(pins: Iterable[Pin], path: Path = PINS) -> None:
    """Write ``pins`` in the order of their names."""
    ordered = sorted(pins, key=lambda pin: pin.name)
    path.write_text(json.dumps([asdict(pin) for pin in ordered], indent=1) + "\n")
