"""Where an installation's files are: ``include/`` and the allow-list ``apps.yaml``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from slipway.flow.apps import Apps
from slipway.flow.document import MAX_BYTES, load
from slipway.flow.record import SlipwayError

INCLUDE = "SLIPWAY_INCLUDE"
APPS_FILE = "SLIPWAY_APPS_FILE"


def include_dir() -> Path:
    """Return the folder of files that are handed to tools: ``SLIPWAY_INCLUDE``, or beside ``plugins/``."""
    return Path(os.environ.get(INCLUDE) or Path(__file__).parents[2] / "include")


def apps_file() -> Path:
    """Return the allow-list's path: ``SLIPWAY_APPS_FILE``, or ``apps.yaml`` in :func:`include_dir`."""
    return Path(os.environ.get(APPS_FILE) or include_dir() / "apps.yaml")


def load_apps() -> Apps:
    """Read the allow-list; what was read is kept until the file changes.

    :raises SlipwayError: when it cannot be read, or breaks a rule (:class:`.DocumentError`).
    """
    path = apps_file()
    try:
        about = path.stat()
        return _read(path, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise SlipwayError(
            f"{path} cannot be read: {error.strerror}. Create it, or name another file in {APPS_FILE}."
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> Apps:
    with path.open("rb") as file:
        return load(file.read(MAX_BYTES + 1), Apps, str(path))
