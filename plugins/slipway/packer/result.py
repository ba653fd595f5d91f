"""The image that a build left behind, looked at before anything of the worker opens it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from slipway.packer.errors import TemplateError


def find_image(folder: Path, name: str) -> Path:
    """Return the file that a build made: ``name`` in ``folder``, or the only one there.

    The application's code wrote there: nothing on the way may be a link, which would lead elsewhere.

    :raises TemplateError: when there is none, or no telling which.
    """
    if not _is(folder, stat.S_ISDIR):
        raise TemplateError(
            "the template left no image in the output folder. Set output_directory to the variable "
            "slipway_output, and vm_name to slipway_name."
        )
    if _is(folder / name, stat.S_ISREG):
        return folder / name
    files = [path for path in sorted(folder.iterdir()) if _is(path, stat.S_ISREG)]
    if len(files) == 1:
        return files[0]
    found = ", ".join(path.name for path in files[:5]) or "no file"
    raise TemplateError(
        f"the template left {found} in slipway_output, and no {name}. "
        "Set vm_name to the variable slipway_name."
    )


def _is(path: Path, kind: Callable[[int], bool]) -> bool:

    try:
        return bool(kind(os.lstat(path).st_mode))
    except FileNotFoundError:
        return False
