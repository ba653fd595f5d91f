"""What builds leave on a machine is found and removed, unless a process works with it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.diskimage_builder.loops import attached, detach
from slipway.flow.orphans import Trace
from slipway.sandbox.occupied import occupied
from slipway.worker.folders import temporary
from slipway.worker.traces import WorkerTraces

BUILD = "slipway-dib-shop-0123456789abcdef"
OTHER = "slipway-build-shop-0123456789abcdef"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerTraces:
    """This machine, with folders of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return WorkerTraces(tmp_path / "work", detach)


def build(machine: WorkerTraces, name: str = BUILD) -> Path:
    folder = machine.work / "builds" / name
    (folder / "output").mkdir(parents=True)
    (folder / "output" / "disk.img").write_bytes(bytes(1024 * 1024))
    return folder


def kinds(machine: WorkerTraces) -> list[tuple[str, str, bool]]:
    return [(one.kind, one.name, bool(one.used_by)) for one in machine.find()]


@pytest.fixture
def killed(machine: WorkerTraces) -> Iterator[str]:
    """The name of a checkout whose process was killed."""
    code = (
        "import signal, os, sys, tempfile\n"
        f"tempfile.tempdir = {tempfile.gettempdir()!r}\n"
        "from slipway.worker.folders import temporary\n"
        "with temporary() as folder:\n"
        "    (folder / 'files').mkdir()\n"
        "    print(folder, flush=True)\n"
        "    signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert kinds(machine) == [("checkout", folder.name, True)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    yield folder.name
    process.stdout.close()


def test_nothing_is_found_where_nothing_was_built(machine: WorkerTraces) -> None:
    assert list(machine.find()) == []


def test_a_build_folder_is_found_and_removed_with_its_lock(machine: WorkerTraces) -> None:
    folder = build(machine)
    [trace] = machine.find()
    assert (trace.place, trace.kind, trace.id) == (socket.gethostname(), "build folder", str(folder))
    assert trace.local
    assert not trace.used_by
    assert (datetime.now(UTC) - trace.made).total_seconds() < 60
    assert machine.remove(trace)
    assert list((machine.work / "builds").iterdir()) == []
    assert machine.remove(trace)


def test_a_folder_that_someone_works_in_stays(machine: WorkerTraces) -> None:
    folder = build(machine)
    [free] = machine.find()
    with occupied(folder):
        assert kinds(machine) == [("build folder", BUILD, True)]
        assert not machine.remove(free)
        assert (folder / "output" / "disk.img").exists()
    assert kinds(machine) == [("build folder", BUILD, False)]


def test_what_builds_did_not_make_is_not_looked_at(machine: WorkerTraces) -> None:
    (machine.work / "bases").mkdir(parents=True)
    (machine.work / "builds" / "mine").mkdir(parents=True)
    (machine.work / "builds" / OTHER).symlink_to(machine.work / "bases")
    (Path(tempfile.gettempdir()) / "slipway-demo-x").mkdir()
    assert list(machine.find()) == []


def test_a_checkout_is_in_use_as_long_as_its_process_lives(machine: WorkerTraces, killed: str) -> None:
    with temporary() as folder:
        found = {one.name: one for one in machine.find()}
        assert {name: bool(one.used_by) for name, one in found.items()} == {folder.name: True, killed: False}
        assert not machine.remove(found[folder.name])
        assert machine.remove(found[killed])
        assert [one.name for one in machine.find()] == [folder.name]
    assert list(machine.find()) == []


def test_what_begins_and_ends_while_it_is_looked_for_is_no_fault(machine: WorkerTraces) -> None:
    stayed = build(machine, OTHER)
    busy = threading.Event()

    def others() -> None:
        while not busy.is_set():
            with temporary(), occupied(machine.work / "builds" / BUILD):
                folder = build(machine)
                shutil.rmtree(folder)

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(others)
        try:
            for _ in range(300):
                assert stayed.name in {one.name for one in machine.find()}
        finally:
            busy.set()
        work.result()


@pytest.fixture
def device(machine: WorkerTraces) -> Iterator[Path]:
    """The folder of a build with a loop device upon its image."""
    folder = build(machine)
    command = ["losetup", "--show", "--find", str(folder / "output" / "disk.img")]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield folder
    subprocess.run(["losetup", "--detach", made], check=False, capture_output=True)


@pytest.mark.lab
def test_loop_devices_go_with_the_folder(machine: WorkerTraces, device: Path) -> None:
    assert list(attached(device))
    [trace] = machine.find()
    assert machine.remove(trace)
    assert list(attached(device)) == []
    assert list(machine.find()) == []


@pytest.mark.lab
def test_a_loop_device_whose_folder_is_gone_is_found(machine: WorkerTraces, device: Path) -> None:
    (device / "output" / "disk.img").unlink()
    (device / "output").rmdir()
    device.rmdir()
    [trace] = machine.find()
    assert (trace.kind, trace.name) == ("loop device", BUILD)
    assert machine.remove(trace)
    assert list(machine.find()) == []


def test_what_cannot_be_removed_is_told(machine: WorkerTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    build(machine)
    [trace] = machine.find()

    def busy(_: Path) -> None:
        raise OSError(16, "Device or resource busy")

    stuck = WorkerTraces(machine.work, busy)
    with pytest.raises(Exception, match=f"build folder .*{BUILD}: Device or resource busy"):
        stuck.remove(trace)
    assert isinstance(trace, Trace)
