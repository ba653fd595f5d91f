"""Where an installation's files are: ``include/`` with ``apps.yaml`` and ``tenancy.yaml``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from slipway.flow.apps import Apps
from slipway.flow.document import MAX_BYTES, load
from slipway.flow.record import SlipwayError
from slipway.flow.tenancy.policy import Policy

INCLUDE = "SLIPWAY_INCLUDE"
APPS_FILE = "SLIPWAY_APPS_FILE"
WORK_DIR = "SLIPWAY_WORK_DIR"
TENANCY_FILE = "SLIPWAY_TENANCY_FILE"


def include_dir() -> Path:
    """Return the folder of files that are handed to tools: ``SLIPWAY_INCLUDE``, or beside ``plugins/``."""
    return Path(os.environ.get(INCLUDE) or Path(__file__).parents[2] / "include")


def work_dir() -> Path:
    """Return the worker's folder for images being made: ``SLIPWAY_WORK_DIR``, or below ``AIRFLOW_HOME``."""
    home = os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow"
    return Path(os.environ.get(WORK_DIR) or Path(home, "slipway"))


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
        return load(file.read(MAX_BYTES + 1), Apps, str(path)).of_file(str(path))


def load_policy() -> Policy:
    """Read the tenants' policy: ``SLIPWAY_TENANCY_FILE``, or ``tenancy.yaml`` in :func:`include_dir`.

    :raises SlipwayError: when it cannot be read, or breaks a rule (:class:`.DocumentError`).
    """
    path = Path(os.environ.get(TENANCY_FILE) or include_dir() / "tenancy.yaml")
    try:
        with path.open("rb") as file:
            return load(file.read(MAX_BYTES + 1), Policy, str(path))
    except OSError as error:
        raise SlipwayError(
            f"{path} cannot be read: {error.strerror}. Create it, or name another file in {TENANCY_FILE}."
        ) from error
