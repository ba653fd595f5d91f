"""Programs that bubblewrap does not start: where mounts come and go, and where namespaces are forbidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from slipway.sandbox.errors import SandboxError, TransientSandboxError
from slipway.sandbox.program import Program
from slipway.sandbox.refusals import refusal
from slipway.sandbox.sandbox import Sandbox

PLUGINS = Path(__file__).parents[3] / "plugins"
OWN_NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")
TRUE = """
import sys
from pathlib import Path
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import Sandbox

folder = Path(sys.argv[1])

def program(*command):
    return Program(command, Sandbox(folder=folder, writable=[folder]), 60)
"""
COME_AND_GO = """
import ctypes, os, signal, subprocess

MS_SHARED, MNT_DETACH = 1 << 20, 2
libc = ctypes.CDLL(None, use_errno=True)
mounts = folder.parent / "mounts"
mounts.mkdir()
assert libc.mount(b"none", bytes(mounts), b"tmpfs", 0, None) == 0, os.strerror(ctypes.get_errno())
assert libc.mount(None, bytes(mounts), None, MS_SHARED, None) == 0, os.strerror(ctypes.get_errno())
place = mounts / "overlay"
place.mkdir()
starter = os.getpid()
if not (other := os.fork()):
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    while os.getppid() == starter:
        libc.mount(b"none", bytes(place), b"tmpfs", 0, None)
        libc.umount2(bytes(place), MNT_DETACH)
    os._exit(0)

everything = ("bwrap", "--unshare-user", "--ro-bind", "/", "/", "--", "/bin/true")
for looked in range(2000):
    whole = subprocess.run(everything, capture_output=True, text=True)
    if whole.returncode:
        break
print(whole.stderr, end="", flush=True)
for _ in range(25):
    with program("/bin/echo", "built") as running:
        assert list(running.lines()) == ["built"]
os.kill(other, signal.SIGKILL)
"""
LIMITED = """
Path("/proc/sys/user/max_user_namespaces").write_text(sys.argv[2])
with program("/bin/sh", "-c", "echo begun; exec sleep 600") as first:
    for line in first.lines():
        if line == "begun":
            with program("/bin/true") as second:
                list(second.lines())
            break
"""


def tried(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in namespaces of its own, where it may mount and set limits."""
    return subprocess.run(
        [*OWN_NAMESPACES, sys.executable, "-c", TRUE + script, str(folder), *arguments],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(PLUGINS)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def test_mounts_that_come_and_go_stop_no_program_that_does_not_use_them(own: Path) -> None:
    done = tried(own, COME_AND_GO)
    assert done.returncode == 0, done.stderr
    assert "Can't bind mount" in done.stdout, "they do stop what looks at all of the worker"
    assert isinstance(refusal(done.stdout), TransientSandboxError)


def test_namespaces_that_are_all_in_use_are_worth_another_try(own: Path) -> None:
    done = tried(own, LIMITED, "2")
    assert "TransientSandboxError: bubblewrap could not start the program now" in done.stderr, done.stderr


def test_a_worker_that_allows_no_namespaces_runs_nothing(own: Path) -> None:
    done = tried(own, LIMITED, "0")
    assert "errors.SandboxError: bubblewrap cannot isolate programs" in done.stderr, done.stderr
    assert "Allow it user namespaces" in done.stderr


def started(folder: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a program whose bubblewrap ends with what it says."""
    fake = folder / "bwrap"
    fake.write_text(f"#!/bin/sh\nprintf '%b' \"{said}\" >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return Program(["/bin/true"], Sandbox(folder=folder), 60)


@pytest.mark.parametrize(
    "said",
    [
        "No permissions to create new namespace, likely because the kernel does not allow it",
        "Can't mount proc on /newroot/proc: Operation not permitted",
        "setting up uid map: Permission denied",
        "Creating new namespace failed: Function not implemented",
        "Unknown option --unshare-cgroup-try",
        "execvp /usr/bin/packer: No such file or directory",
    ],
)
def test_what_somebody_must_change_is_final(own: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    with started(own, f"bwrap: {said}\\n", monkeypatch) as running, pytest.raises(SandboxError, match=said):
        list(running.lines())


@pytest.mark.parametrize(
    "said",
    [
        "Can't find source path /etc/resolv.conf: No such file or directory",
        "Can't bind mount /oldroot/usr on /newroot/usr: remount: Invalid argument",
        "Creating new namespace failed: Cannot allocate memory",
        "Can't fork for child: Resource temporarily unavailable",
        "Can't get type of source /nfs: Transport endpoint is not connected",
    ],
)
def test_what_may_pass_is_worth_another_try(own: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    running = started(own, f"bwrap: {said}\\n", monkeypatch)
    with running, pytest.raises(TransientSandboxError, match=said):
        list(running.lines())


@pytest.mark.parametrize("said", ["bwrap: one\\nanother", "a template: bwrap: No such file or directory", ""])
def test_a_program_that_fails_by_itself_keeps_its_status(
    own: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    with started(own, said, monkeypatch) as running:
        list(running.lines())
        assert running.wait() == 1
