"""Why bubblewrap did not start a program: what the worker lacks permanently, or what may pass.

No trial run looks at the worker beforehand. It would have to look at what the build looks at, at the same
moment: mounts of others come and go on a worker, and namespaces, memory and processes run short for a while.

https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from slipway.sandbox.errors import SandboxError, TransientSandboxError
from slipway.sandbox.sandbox import SWITCH

SHOWN = 300
_LIMIT = Path("/proc/sys/user/max_user_namespaces")
_SAID = re.compile(r"\Abwrap: (?P<why>[^\n]+)\n?\Z")
_FOR_GOOD = {os.strerror(number) for number in (errno.EPERM, errno.EACCES, errno.ENOSYS)}
_OF_THE_SYSTEM = {os.strerror(number) for number in errno.errorcode}
_TOO_MANY = "(ENOSPC)"
"""How bubblewrap says that as many namespaces are in use as may be."""
_NO_PROGRAM = "execvp "
_CURE = (
    "Allow it user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone; in a "
    f"container a seccomp profile that permits unshare and mount); or set {SWITCH}=none if each build has "
    "its own pod."
)


def refusal(said: str) -> SandboxError | TransientSandboxError | None:
    """Return why bubblewrap started nothing, or None when it was not bubblewrap that failed.

    :param said: all that a run printed which failed.
    """
    if (found := _SAID.match(said)) is None:
        return None
    why = found["why"][:SHOWN]
    if _may_pass(why):
        return TransientSandboxError(
            f"bubblewrap could not start the program now: {why}. A mount disappeared, or a resource ran "
            "out; the next try starts it again."
        )
    return SandboxError(f"bubblewrap cannot isolate programs on this worker: {why}. {_CURE}")


def _may_pass(why: str) -> bool:
    if _TOO_MANY in why:
        return _most_namespaces() > 0
    reason = why.rpartition(": ")[2]
    return reason in _OF_THE_SYSTEM - _FOR_GOOD and not why.startswith(_NO_PROGRAM)


def _most_namespaces() -> int:
    try:
        return int(_LIMIT.read_text())
    except (OSError, ValueError):
        return 1  # nobody says that there may be none
