"""A sandbox for a program that is root because it mounts file systems and makes devices of files.

Its mounts, processes, names and files are its own and go with it: nothing is mounted where the worker sees
it, and the worker's files are not there to be changed. It is no wall against a program that wants out: who is
root and may mount can reach the machine's disks. What applications bring runs on machines of its own.

https://man7.org/linux/man-pages/man7/capabilities.7.html
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.sandbox.errors import SandboxError
from slipway.sandbox.sandbox import TEMPORARY, Sandbox

_LEFT_OUT = (
    "audit_control",
    "block_suspend",
    "bpf",
    "dac_read_search",  # opens files by number, those outside as well
    "mac_admin",
    "mac_override",
    "net_admin",
    "perfmon",
    "sys_boot",
    "sys_module",
    "sys_pacct",
    "sys_ptrace",
    "sys_rawio",
    "sys_time",
    "syslog",
    "wake_alarm",
)
"""Of root's capabilities those that concern the machine, and not files, mounts or users."""


@dataclass(frozen=True)
class RootSandbox(Sandbox):
    """One program's view, as root: devices may be made below ``writable``."""

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command line that runs ``program`` inside.

        :raises SandboxError: when the worker is not root, or bubblewrap is not installed.
        """
        if os.geteuid() != 0:
            raise SandboxError(
                "this worker does not run as root, which is needed to mount an image's file system. Route "
                "builds for bare metal to dedicated machines whose workers run as root: queue `dib`."
            )
        return super().command(program)

    def _options(self) -> list[str]:
        return [
            *("--unshare-pid", "--unshare-ipc", "--unshare-cgroup-try"),
            # A name that can be looked up: with another, `sudo` says so among what diskimage-builder reads.
            *("--unshare-uts", "--hostname", "localhost"),
            *(word for name in _LEFT_OUT for word in ("--cap-drop", f"CAP_{name.upper()}")),
            *("--proc", "/proc"),
            *("--dev", "/dev"),
            *("--ro-bind", "/sys", "/sys"),
            *("--tmpfs", TEMPORARY),
            *("--dir", "/run"),
            *("--tmpfs", "/var/tmp"),  # noqa: S108 - a file system of the sandbox's own
        ]

    @property
    def _bind_writable(self) -> str:
        return "--dev-bind"

    @property
    def _may_be_left_out(self) -> bool:
        return False  # what runs inside mounts and unmounts as if the machine were its own
