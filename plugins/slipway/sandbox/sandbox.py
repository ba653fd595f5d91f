"""The view that a program has of the worker: its tools, its folders, and nothing else.

https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.sandbox.errors import SandboxError

SWITCH = "SLIPWAY_SANDBOX"
"""Set to ``none`` where every build has a machine or pod of its own and bubblewrap cannot run."""
TEMPORARY = "/tmp"  # noqa: S108 - a file system of the sandbox's own
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_NAMES_AND_TRUST = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
)
"""Files that a program needs to find hosts, libraries and authorities; none has a secret."""


@dataclass(frozen=True)
class Sandbox:
    """One program's view: reads ``readable``, writes ``writable``, and has no other file of the worker.

    The network is the worker's: a build fetches packages and talks to its machine.

    :param folder: where it runs.
    :param devices: such as ``/dev/kvm``.
    :param scratch: folder that it sees as ``/tmp``; memory is, without one.
    :param environment: all of it; the worker's own is not passed on.
    """

    folder: Path
    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    devices: Sequence[Path] = ()
    scratch: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command line that runs ``program`` inside.

        :raises SandboxError: when bubblewrap is not installed.
        """
        if self._may_be_left_out and os.environ.get(SWITCH) == "none":
            return list(program)
        bubblewrap = shutil.which("bwrap")
        if bubblewrap is None:
            raise SandboxError(
                "bubblewrap is not installed on this worker; it isolates applications' templates. "
                f"Install Debian's package bubblewrap; or set {SWITCH}=none if each build has its own pod."
            )
        inside = ["--chdir", str(self.folder), "--", *program]
        return [bubblewrap, "--die-with-parent", *self._options(), *self._mounts(), *inside]

    def variables(self) -> dict[str, str]:
        """Return the program's whole environment."""
        return {"PATH": PATH, "HOME": TEMPORARY, "LANG": "C.UTF-8", "TMPDIR": TEMPORARY, **self.environment}

    def _options(self) -> list[str]:
        return list(_OPTIONS)

    def _mounts(self) -> list[str]:
        mounts: list[str] = []
        for path in (*_SYSTEM, *_NAMES_AND_TRUST):
            if os.path.islink(path):
                mounts += ["--symlink", os.readlink(path), path]
            else:
                mounts += ["--ro-bind-try", path, path]
        # A name server's file may be a link to where another service writes it.
        resolved = os.path.realpath("/etc/resolv.conf")
        if os.path.islink("/etc/resolv.conf"):
            mounts += ["--ro-bind-try", resolved, resolved]
        mounts += ["--bind", str(self.scratch), TEMPORARY] if self.scratch else []
        mounts += _given("--dev-bind", self.devices)
        mounts += _given("--ro-bind", self.readable)
        mounts += _given(self._bind_writable, self.writable)
        return mounts

    @property
    def _bind_writable(self) -> str:
        return "--bind"

    @property
    def _may_be_left_out(self) -> bool:
        return True


def _given(option: str, paths: Sequence[Path]) -> list[str]:
    return [word for path in paths for word in (option, str(path), str(path))]


_OPTIONS = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    *("--uid", "1000"),
    *("--gid", "1000"),
    *("--proc", "/proc"),
    *("--dev", "/dev"),
    *("--tmpfs", TEMPORARY),
    *("--dir", "/run"),
    *("--tmpfs", "/var/tmp"),  # noqa: S108 - as above
)
