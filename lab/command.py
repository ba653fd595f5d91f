"""Programs the lab runs and waits for."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.environment import inherited
from lab.patience import stretched
from lab.server import LabError


def run(
    command: Sequence[str],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
    seconds: float = 120,
    user: str | None = None,
    folder: Path | None = None,
) -> str:
    """Run ``command`` to its end and return what it printed; all it prints is appended to ``log`` too.

    :param given: text for its standard input.
    :param seconds: its time limit on a machine of today (see :mod:`lab.patience`).
    :raises LabError: when it fails, is missing or takes too long; with its last lines.
    """
    limit = stretched(seconds)
    try:
        done = subprocess.run(
            list(command),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(inherited() if environment is None else environment),
            timeout=limit,
            check=False,
            text=True,
            errors="replace",
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
        )
    except OSError as error:
        raise LabError(f"cannot run {command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{command[0]} did not end within {limit:.0f} s") from error
    if log is not None:
        with log.open("a") as file:
            file.write(done.stdout)
    if done.returncode != 0:
        raise LabError(_failure(command, done.returncode, done.stdout, log))
    return done.stdout


def _failure(command: Sequence[str], code: int, printed: str, log: Path | None) -> str:
    lines = [f"  {line[:300]}" for line in printed.splitlines()[-15:]]
    where = f" (all of it: {log})" if log is not None else ""
    return "\n".join([f"{' '.join(command[:3])} failed with exit code {code}{where}:", *lines])
