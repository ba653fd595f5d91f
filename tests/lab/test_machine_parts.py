"""The fresh machine's parts, without a machine: what it is given, and how commands run there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machine.carried import carried_entries
from lab.machine.disk import Disk
from lab.machine.guest import Guest
from lab.machine.settings import apt_sources, variables
from lab.server import LabError

SSH = """\
#!/bin/sh
# Runs here what would run there: the last argument, by a shell.
for word; do last=$word; done
exec sh -c "$last"
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Guest]:
    """SSH is faked; qemu is a program that sleeps."""
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(SSH)
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    sleeping = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(300)"])
    log = tmp_path / "commands.log"
    yield Guest(Disk(tmp_path), 2222, log, tmp_path / "console.log", said.append, sleeping)
    sleeping.kill()
    sleeping.wait()


def test_a_command_gets_its_words_as_they_are_and_its_output_comes_back(guest: Guest) -> None:
    guest.run(["echo", "before"], {}, 30)
    words = ["two words", "$HOME `id`", "a'quote"]
    assert guest.run(["printf", "%s|", *words, "\n"], {}, 30) == f"{'|'.join(words)}|\n|"
    assert guest.run(["sh", "-c", 'echo "$NAME"'], {"NAME": "$(id) 'x'"}, 30) == "$(id) 'x'\n"


def test_a_failing_command_shows_its_last_lines(guest: Guest) -> None:
    with pytest.raises(LabError, match=r"(?s)failed with exit code 3:.*  no such thing"):
        guest.run(["sh", "-c", "echo no such thing; exit 3"], {}, 30)


def test_a_command_that_takes_too_long_is_given_up(guest: Guest) -> None:
    with pytest.raises(LabError, match="did not end within 0 s"):
        guest.run(["sh", "-c", "echo begun; exec sleep 300"], {}, 0.1)


def test_a_machine_that_ended_is_not_waited_for(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.machine.guest.REPORT_SECONDS", 0.1)
    guest.qemu.kill()
    guest.qemu.wait()
    with pytest.raises(LabError, match="the machine ended"):
        guest.run(["sleep", "300"], {}, 200)


def test_people_read_what_a_long_command_printed_last(
    guest: Guest, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command goes on once the line was said, so no time is judged."""
    monkeypatch.setattr("lab.machine.guest.REPORT_SECONDS", 0.05)
    gate = tmp_path / "gate"
    told = Guest(
        guest.disk, 1, guest.log, guest.console, lambda line: (said.append(line), gate.touch()), guest.qemu
    )
    told.run(["sh", "-c", f"echo half; until [ -e {gate} ]; do sleep 0.05; done"], {}, 60)
    assert "  ... half" in said


def test_the_archive_is_this_machines(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://a.invalid/debian bookworm main\n")
    without = apt_sources("trixie", tmp_path)
    assert "URIs: http://a.invalid/debian\nSuites: trixie trixie-updates\n" in without
    assert "security" not in without
    with (tmp_path / "sources.list").open("a") as file:
        file.write("deb http://s.invalid/security bookworm-security main\n")
    assert "URIs: http://s.invalid/security\nSuites: trixie-security\n" in apt_sources("trixie", tmp_path)


def test_only_variables_about_packages_travel() -> None:
    kept = {
        "https_proxy": "http://p.invalid",
        "NO_PROXY": "localhost",
        "PIP_INDEX_URL": "http://i.invalid",
        "SSL_CERT_FILE": "/etc/ssl/ca.crt",
        "REQUESTS_CA_BUNDLE": "/etc/ssl/ca.crt",
        "GOPROXY": "http://g.invalid",
        "UV_INDEX_URL": "http://i.invalid",
    }
    others = {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "SLIPWAY_WEBHOOK_SECRET": "x", "OS_PASSWORD": "x"}
    assert variables(kept | others) == kept


def test_what_is_bound_to_this_machine_stays_here(tmp_path: Path) -> None:
    for name in ("uv-1", "kubernetes-1.37.2", "openstack-1", "machine-trixie-1", ".new", "vm.lock"):
        (tmp_path / name).mkdir()
    assert [path.name for path in carried_entries(tmp_path)] == ["kubernetes-1.37.2", "uv-1"]
