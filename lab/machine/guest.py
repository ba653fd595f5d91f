"""The machine while it runs: qemu without KVM, and commands over SSH."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.machine.disk import Disk
from lab.patience import stretched
from lab.ports import HOST
from lab.server import LabError

MEMORY = "6G"
PROCESSORS = 2
BOOT_SECONDS = 600
POWEROFF_SECONDS = 180
REPORT_SECONDS = 30
Say = Callable[[str], None]


@dataclass(frozen=True)
class Guest:
    """A booted machine; ``log`` takes what its commands print."""

    disk: Disk
    port: int
    log: Path
    console: Path
    say: Say
    qemu: subprocess.Popen[bytes]

    def run(self, command: Sequence[str], environment: Mapping[str, str], seconds: float) -> str:
        """Run ``command`` there to its end and return what it printed; every half minute, say the last of it.

        :raises LabError: when it fails, takes longer than ``seconds``, or the machine ended.
        """
        limit = time.monotonic() + stretched(seconds)
        with self.log.open("ab") as log:
            log.write(f"\n# {shlex.join(command)}\n".encode())
            log.flush()
            begun = log.tell()
            process = subprocess.Popen(
                self._ssh(_remote(command, environment)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                self._follow(process, limit)
            except subprocess.TimeoutExpired as error:
                raise LabError(f"did not end within {stretched(seconds):.0f} s:\n{self.tail()}") from error
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if process.returncode != 0:
            raise LabError(f"failed with exit code {process.returncode}:\n{self.tail()}")
        with self.log.open("rb") as log:
            log.seek(begun)
            return log.read().decode(errors="replace")

    def answers(self) -> bool:
        """Say whether a command can be run there."""
        command = self._ssh("true")
        try:
            return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def login(self) -> str:
        """Return the command line of a shell there."""
        return shlex.join(self._ssh())

    def tail(self, lines: int = 15) -> str:
        """Return the last lines that its commands printed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {line[:300]}" for line in text.splitlines()[-lines:])

    def _follow(self, process: subprocess.Popen[bytes], limit: float) -> None:
        said = ""
        while True:
            try:
                process.wait(min(REPORT_SECONDS, max(limit - time.monotonic(), 0.1)))
                return
            except subprocess.TimeoutExpired:
                if self.qemu.poll() is not None:
                    raise LabError(f"the machine ended; see {self.console}\n{self.tail()}") from None
                if time.monotonic() > limit:
                    raise
            last = self.tail(1).strip()
            if last != said:
                self.say(f"  ... {last[:150]}")
            said = last

    def _ssh(self, *command: str) -> list[str]:
        options = {
            "UserKnownHostsFile": str(self.disk.known_hosts),
            "HostKeyAlias": "fresh",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "30",
            "ServerAliveInterval": "60",
            "ServerAliveCountMax": "10",
            "LogLevel": "ERROR",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        place = ["-i", str(self.disk.key), "-p", str(self.port), f"root@{HOST}"]
        return ["ssh", "-F", "none", *words, *place, *command]


@contextmanager
def booted(disk: Disk, carried: Path, folder: Path, port: int, say: Say) -> Iterator[Guest]:
    """Boot a machine whose disk is a layer above ``disk`` in ``folder``; it is off at the end.

    :raises LabError: when it does not come up.
    """
    layer = folder / "layer.qcow2"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(disk.image), str(layer)]
    run(create)
    console = folder / "console.log"
    with (folder / "qemu.log").open("wb") as log:
        qemu = subprocess.Popen(
            ["nice", "-n", "19", *_command(disk, layer, carried, port, console)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=inherited(),
        )
    guest = Guest(disk, port, folder / "commands.log", console, say, qemu)
    try:
        _wait_for(guest)
        yield guest
    finally:
        _power_off(guest)
        layer.unlink(missing_ok=True)


def _command(disk: Disk, layer: Path, carried: Path, port: int, console: Path) -> list[str]:
    """https://www.qemu.org/docs/master/system/invocation.html ."""
    drive = "if=virtio,cache=unsafe,discard=unmap"
    return [
        "qemu-system-x86_64",
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(PROCESSORS), "-m", MEMORY),
        *("-kernel", str(disk.kernel), "-initrd", str(disk.initrd)),
        *("-append", "root=/dev/vda rw net.ifnames=0 console=ttyS0"),
        *("-drive", f"file={layer},format=qcow2,{drive}"),
        *("-drive", f"file={carried},format=raw,{drive}"),
        *("-netdev", f"user,id=net,hostfwd=tcp:{HOST}:{port}-:22", "-device", "virtio-net-pci,netdev=net"),
        *("-device", "virtio-rng-pci"),
        *("-display", "none", "-monitor", "none", "-no-reboot", "-serial", f"file:{console}"),
    ]


def _wait_for(guest: Guest) -> None:
    deadline = time.monotonic() + stretched(BOOT_SECONDS)
    while not guest.answers():
        if guest.qemu.poll() is not None:
            raise LabError(f"qemu ended: see {guest.console.parent / 'qemu.log'} and {guest.console}")
        if time.monotonic() > deadline:
            raise LabError(
                f"the machine was not up after {stretched(BOOT_SECONDS):.0f} s; see {guest.console}"
            )
        time.sleep(1)


def _power_off(guest: Guest) -> None:
    """Shut down in good order if it listens, else at once."""
    if guest.qemu.poll() is None:
        with suppress(LabError):
            guest.run(["systemctl", "--no-block", "poweroff"], {}, 60)
        try:
            guest.qemu.wait(POWEROFF_SECONDS)
        except subprocess.TimeoutExpired:
            guest.qemu.kill()
            guest.qemu.wait()


def _remote(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what the shell over there reads: every word quoted."""
    return shlex.join(["env", *(f"{name}={value}" for name, value in environment.items()), *command])
