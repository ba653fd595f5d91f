"""What is asked of a machine before anything is installed: one line, by any Python, in make's first step."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import host
from lab.paths import this_checkout
from lab.server import LabError

BOOKWORM = 'ID=debian\nVERSION_CODENAME="bookworm"\n'
ROOM = this_checkout().checkout


def _release(folder: Path, text: str) -> Path:
    path = folder / "os-release"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('ID=fedora\nVERSION_CODENAME=""\nPRETTY_NAME="Fedora Linux 42"\n', "Fedora Linux 42"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\nPRETTY_NAME='Ubuntu 24.04'\n", "Ubuntu 24.04"),
        ("ID=debian\nVERSION_CODENAME=bullseye\nPRETTY_NAME=Debian 11\n", "Debian 11"),
        ("", "unknown"),
    ],
)
def test_another_system_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(LabError, match=f"runs on Debian 12 or 13, .* this machine is: {found}; run it"):
        host.codename(_release(tmp_path, text))


def test_a_machine_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="this machine is: unknown"):
        host.codename(tmp_path / "absent")


@pytest.mark.parametrize("name", ["bookworm", "trixie"])
def test_debian_12_and_13_are_taken(tmp_path: Path, name: str) -> None:
    assert host.codename(_release(tmp_path, BOOKWORM.replace("bookworm", name))) == name


def test_only_root_runs_the_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"not root: the lab starts a docker engine .*; run make with sudo"):
        host.check_host(_release(tmp_path, BOOKWORM))


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, int]
) -> None:
    monkeypatch.setattr(host.sys, "version_info", (*version, 0))
    with pytest.raises(LabError, match=rf"python3 is 3\.{version[1]} .*; put Debian's own first"):
        host.check_host(_release(tmp_path, BOOKWORM))


def test_another_processor_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host.platform, "machine", lambda: "aarch64")
    with pytest.raises(LabError, match="programs are for amd64, and this machine is aarch64"):
        host.check_host(_release(tmp_path, BOOKWORM))


def test_it_says_one_line_with_the_standard_library_alone(tmp_path: Path) -> None:
    release = _release(tmp_path, "PRETTY_NAME=Arch Linux\nID=arch\n")
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
            "runpy.run_module('lab.host', run_name='__main__', alter_sys=True)",
            ROOM,
            release,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"lab: .*this machine is: Arch Linux; .*\n", done.stderr)


@pytest.mark.parametrize(
    "target", ["demo", "test", "lab-up", "test-release", "test-tenants", "screenshots", "bench"]
)
def test_make_asks_before_it_installs(target: str, tmp_path: Path) -> None:
    """Python is faked: it says that the machine will not do, and would note anything else asked of it."""
    asked = tmp_path / "asked"
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho "lab: not here" >&2\nexit 1\n')
    python.chmod(0o755)
    places = [f"CACHE={tmp_path / 'cache'}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(
        ["make", "--no-print-directory", "-j4", target, *places],
        cwd=ROOM,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "MAKEFLAGS": ""},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lab: not here\n")
    assert asked.read_text() == "-m lab.host\n"
    assert not (tmp_path / "cache").exists()
