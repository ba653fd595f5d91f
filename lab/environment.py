"""The environment variables that the lab reads, hands to its processes, and shows to people."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from lab.patience import VARIABLE

MARK = "SLIPWAY_LAB_PROCESS"
"""Set in every process the lab starts (and so in its children) to the lab's state folder: by it
``lab down`` finds what a crash left behind."""

NOT_INHERITED = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", MARK}
"""Python's are not handed on: one's own modules could shadow a server's, and a Python that writes no
bytecode starts in twice the time."""


def inherited(**extra: str) -> dict[str, str]:
    """Return a process's environment: this one's, less what disturbs servers, and ``extra``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == VARIABLE
        or (name not in NOT_INHERITED and not name.startswith(("AIRFLOW", "SLIPWAY_", "_AIRFLOW")))
    }
    return kept | extra


def given(name: str, own: str) -> str | None:
    """Return what the user set ``name`` to, or None when it is unset or names the lab's ``own`` server.

    (People who sourced ``.lab/env`` have the lab's own values set.)
    """
    value = os.environ.get(name, "").strip()
    return value if value and value != own else None


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write ``export NAME=value`` lines, readable by their owner only, at once or not at all."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(values.items())]
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text("".join(lines))
    aside.rename(path)


def read(path: Path) -> dict[str, str]:
    """Return what :func:`write` wrote; empty when there is no such file."""
    if not path.exists():
        return {}
    words = shlex.split(path.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)
