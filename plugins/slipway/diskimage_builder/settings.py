"""The environment of a build: from the application, from the worker for every build, from Slipway.

A worker's ``DIB_...`` variables are its installation's defaults, mirrors above all; an application's go
before them. Nothing else of the worker's environment is handed on but its HTTP proxies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slipway.diskimage_builder.elements import COMMIT_VARIABLE
from slipway.diskimage_builder.workplace import DiskimageWorkplace
from slipway.flow.ironic.bare_metal import SET_BY_SLIPWAY, BareMetal
from slipway.flow.record import CommitId

PROXIES = ("http_proxy", "https_proxy", "no_proxy")
ARCHITECTURE = "amd64"
"""What images are made for: they are tried on the worker, which runs no other."""
MIRROR = "MIRROR"
"""In the name of a variable that says where something is fetched from, and not what."""


def variables(spec: BareMetal, worker: Mapping[str, str], commit: CommitId | None) -> dict[str, str]:
    """Return what elements may read.

    :param worker: the worker's own environment.
    :param commit: None when no element reads it.
    """
    defaults = {
        name: value
        for name, value in worker.items()
        if name in PROXIES or (name.startswith("DIB_") and name not in SET_BY_SLIPWAY)
    }
    release = {"DIB_RELEASE": spec.release} if spec.release else {}
    own = {COMMIT_VARIABLE: commit} if commit else {}
    return {
        **defaults,
        **spec.environment,
        **release,
        **own,
        "ARCH": ARCHITECTURE,
        "FS_TYPE": spec.filesystem,
    }


def deciding(spec: BareMetal, found: Mapping[str, str]) -> dict[str, str]:
    """Return those of :func:`variables` that decide what is in the image, and not where it came from."""
    return {
        name: value
        for name, value in found.items()
        if name in spec.environment or not (name in PROXIES or MIRROR in name)
    }


def of_tool(place: DiskimageWorkplace, own: Path | None) -> dict[str, str]:
    """Return the settings of diskimage-builder itself.

    :param own: folder of the application's elements.
    """
    temporary = str(place.work)
    return {
        "DIB_NO_TIMESTAMP": "1",
        # Images are larger than memory, and the folder has room.
        "DIB_NO_TMPFS": "1",
        "TMP_DIR": temporary,
        "TMPDIR": temporary,
        "DIB_IMAGE_CACHE": str(place.cache),
        "DIB_LOCKFILES": str(place.cache / "locks"),
        **({"ELEMENTS_PATH": str(own)} if own else {}),
        "USER": "root",
        "HOME": temporary,
    }
