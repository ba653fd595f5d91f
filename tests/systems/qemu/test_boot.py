"""Real machines of the lab's base image, and of images that are none."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from lab.images.vm import vm_base
from lab.paths import this_checkout
from slipway.qemu import boot as module
from slipway.qemu.accelerator import CHOICE, accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.console import SerialConsole
from slipway.qemu.errors import BootError, QemuError, TransientQemuError
from slipway.qemu.machine import Kernel, Machine
from tests.dags import speaking

LOGIN = Expected(says=["login:"], ssh=False, seconds=90)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vm_base(this_checkout().cache, tmp_path_factory.mktemp("log") / "vm.log")


@pytest.fixture
def machine(base: Path) -> Machine:
    return Machine(base, "qcow2", 256, accelerator())


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.mark.lab
def test_image_boots_says_and_answers_and_is_left_as_it_was(
    machine: Machine, scratch: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = machine.disk.stat()
    assert boot(machine, replace(LOGIN, says=["Slipway's lab", "login:"], ssh=True), scratch) > 0
    assert any(line.endswith("Slipway's lab") for line in caplog.messages)
    assert (machine.disk.stat().st_mtime, machine.disk.stat().st_size) == (before.st_mtime, before.st_size)


@pytest.mark.slow
def test_image_that_does_not_say_its_commit_is_refused_with_its_last_lines(
    scratch: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(speaking.disk("Slipway's lab\r\n\r\nslipway login:").ljust(1 << 20, b"\0"))
    with pytest.raises(BootError) as refusal:
        boot(
            Machine(disk, "raw", 64, "tcg"),
            Expected(says=["login:", "c0ffee"], ssh=False, seconds=10),
            scratch,
        )
    said = str(refusal.value)
    assert "after 10 s its console does not show 'c0ffee'" in said
    assert "\n  Slipway's lab" in said
    assert "\n  slipway login:" in said
    assert "terminating on signal" not in said


@pytest.mark.lab
def test_partition_image_boots_with_a_kernel_of_its_own(machine: Machine, scratch: Path) -> None:
    cache = this_checkout().cache
    [kernel] = cache.glob("linux-image-*/boot/vmlinuz-*")
    started = replace(machine, kernel=Kernel(kernel, append="root=/dev/nowhere"))
    with pytest.raises(
        BootError, match=r"(?s)the machine stopped, and its console does not show.*Unable to mount root"
    ):
        boot(started, LOGIN, scratch)


def test_disk_without_a_boot_loader_says_nothing(scratch: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    with pytest.raises(BootError, match=r"after 3 s its console does not show 'login:'"):
        boot(Machine(disk, "raw", 64, "tcg"), replace(LOGIN, seconds=3), scratch)


def test_file_that_is_no_image_of_its_format_is_refused(scratch: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"x" * 4096)
    with pytest.raises(
        QemuError, match=r"qemu does not start on this worker: .*Image is not in qcow2 format"
    ):
        boot(Machine(disk, "qcow2", 64, "tcg"), LOGIN, scratch)


def test_memory_that_is_short_is_worth_another_try(scratch: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    with pytest.raises(TransientQemuError, match=r"Cannot allocate memory.* It needs 1000000000 MiB"):
        boot(Machine(disk, "raw", 1_000_000_000, "tcg"), LOGIN, scratch)


def test_qemu_that_is_killed_before_it_says_anything_is_worth_another_try(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_program", lambda: "/bin/sh")
    monkeypatch.setattr(Machine, "command", lambda *_: ["/bin/sh", "-c", "kill -KILL $$"])
    with pytest.raises(TransientQemuError, match="exit status 137"):
        boot(Machine(tmp_path, "raw", 64, "tcg"), LOGIN, scratch)


def test_qemu_that_is_not_there_is_said_with_its_package(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(QemuError, match="Debian's package qemu-system-x86"):
        boot(Machine(tmp_path / "disk", "raw", 64, "tcg"), LOGIN, scratch)


def test_accelerator_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kvm", "tcg"):
        monkeypatch.setenv(CHOICE, name)
        assert accelerator() == name
    monkeypatch.setenv(CHOICE, "xen")
    with pytest.raises(QemuError, match="SLIPWAY_ACCELERATOR is 'xen': set it to kvm or tcg"):
        accelerator()


def test_nothing_that_an_image_does_reaches_anybody_and_a_comma_in_a_path_is_no_option() -> None:
    words = Machine(Path("/a,readonly=off"), "raw", 64, "tcg").command("qemu", 2222)
    assert "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22" in words
    assert "file=/a,,readonly=off,format=raw,if=virtio,snapshot=on" in words


def test_console_finds_what_is_said_across_pieces_and_without_an_end_of_line() -> None:
    console = SerialConsole()
    assert list(console.read("\x1b[2Jone\r\ntw")) == ["one"]
    assert list(console.read("o\r\nlog")) == ["two"]
    assert console.lacks(["login:"]) == ["login:"]
    assert list(console.read("in: ")) == []
    assert console.lacks(["login:", "one"]) == []
    assert console.last_lines == ["one", "two", "login:"]
