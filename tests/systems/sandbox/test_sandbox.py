"""What a program sees of the worker, asked of programs that try to see more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slipway.sandbox import sandbox as module
from slipway.sandbox.errors import SandboxError
from slipway.sandbox.sandbox import Sandbox


def said(sandbox: Sandbox, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sandbox.command(command),
        env=sandbox.variables(),
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    return folder


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/passwd", "/root", "/home", "/var/lib", "/work", "/sys/kernel", "/run/docker.sock"],
)
def test_file_of_the_worker_is_not_there(own: Path, path: str) -> None:
    done = said(Sandbox(folder=own, readable=[own]), "ls", "-d", path)
    assert (done.returncode, done.stdout) == (2, "")


def test_environment_is_its_own_and_so_is_that_of_every_process_it_sees(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECRET", "s3cret")
    sandbox = Sandbox(folder=own, readable=[own], environment={"GIVEN": "given"})
    done = said(sandbox, "sh", "-c", "cat /proc/*/environ | tr '\\0' '\\n'; env")
    assert "s3cret" not in done.stdout
    assert "GIVEN=given" in done.stdout
    names = {line.partition("=")[0] for line in said(sandbox, "env").stdout.splitlines()}
    assert names <= {"GIVEN", "PATH", "HOME", "LANG", "TMPDIR", "PWD", "SHLVL", "_"}


def test_processes_of_the_worker_are_not_seen(own: Path) -> None:
    done = said(Sandbox(folder=own, readable=[own]), "sh", "-c", "ls /proc | grep -c '^[0-9]'")
    assert int(done.stdout) < 8


def test_what_it_may_read_it_may_not_write(own: Path) -> None:
    done = said(Sandbox(folder=own, readable=[own]), "sh", "-c", "cat mine; echo x > mine; echo x > new")
    assert done.stdout == "mine"
    assert done.stderr.count("Read-only file system") == 2
    assert (own / "mine").read_text() == "mine"


def test_what_it_may_write_it_writes(own: Path) -> None:
    assert said(Sandbox(folder=own, writable=[own]), "sh", "-c", "echo new > new").returncode == 0
    assert (own / "new").read_text() == "new\n"


def test_links_lead_nowhere(own: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    (own / "absolute").symlink_to("/etc/shadow")
    (own / "relative").symlink_to("../secret")
    done = said(Sandbox(folder=own, readable=[own]), "cat", "absolute", "relative")
    assert done.stdout == ""
    assert done.stderr.count("No such file or directory") == 2


def test_nobody_is_root_inside_and_nothing_can_be_mounted(own: Path) -> None:
    sandbox = Sandbox(folder=own, readable=[own])
    assert said(sandbox, "id", "-u").stdout == "1000\n"
    assert said(sandbox, "mount", "-t", "tmpfs", "none", "/tmp").returncode != 0


def test_scratch_is_seen_as_tmp_and_is_on_disk(own: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sandbox = Sandbox(folder=own, readable=[own], scratch=scratch)
    assert said(sandbox, "sh", "-c", "echo big > /tmp/big").returncode == 0
    assert (scratch / "big").read_text() == "big\n"
    assert said(Sandbox(folder=own, readable=[own]), "ls", "/tmp").returncode == 0


def test_host_names_and_authorities_are_found(own: Path) -> None:
    assert said(Sandbox(folder=own, readable=[own]), "getent", "hosts", "localhost").returncode == 0


def test_worker_without_bubblewrap_runs_nothing(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(own))
    with pytest.raises(
        SandboxError, match=r"Install Debian's package bubblewrap; or set SLIPWAY_SANDBOX=none"
    ):
        Sandbox(folder=own).command(["true"])


def test_where_builds_have_pods_of_their_own_nothing_is_put_before_the_program(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.SWITCH, "none")
    assert Sandbox(folder=own).command(["true"]) == ["true"]
