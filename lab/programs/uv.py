"""The program that installs packages of Python."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.server import LabError


def find_uv(cache: Path) -> Path:
    """Return uv: the one that ``make venv`` keeps in the cache, else the machine's.

    :raises LabError: when there is none.
    """
    own = sorted(cache.glob("uv-*/bin/uv"))
    found = own[-1] if own else shutil.which("uv")
    if found is None:
        raise LabError(
            f"uv, which installs the lab's packages from PyPI, is not below {cache}; run: make venv"
        )
    return Path(found)
