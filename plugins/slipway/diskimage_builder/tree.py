"""A folder of files as a digest: equal when, and only when, names, kinds and contents are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from slipway.diskimage_builder.errors import ElementError
from slipway.flow.record import Digest
from slipway.streams.entries import content, find_kind

MAX_BYTES = 1024**3
_LEFT_OUT = ("__pycache__", ".git")


def digest(folder: Path) -> Digest:
    """Return the digest of ``folder``; links count as what they say, and are not followed.

    :raises ElementError: when it holds more than :data:`MAX_BYTES`, or something that is no file.
    """
    whole, room = hashlib.sha256(), MAX_BYTES
    for path in _paths(folder):
        about = path.lstat()
        room -= about.st_size
        if room < 0:
            raise ElementError(
                f"element {folder.name} is larger than {MAX_BYTES // 1024**2} MiB. Let it download large "
                "files, or keep them in the image registry."
            )
        if (kind := find_kind(about)) is None:
            raise ElementError(f"{path.name} is not a file, folder or link. Remove it from the elements.")
        line = f"{kind} {path.relative_to(folder)}\0{content(path, kind)}\n"
        whole.update(line.encode(errors="surrogateescape"))
    return f"sha256:{whole.hexdigest()}"


def mentions(folder: Path, word: bytes) -> bool:
    """Say whether a file below ``folder`` holds ``word``."""
    return any(
        word in path.read_bytes() for path in _paths(folder) if path.is_file() and not path.is_symlink()
    )


def check_links(root: Path, shown: str) -> None:
    """Check that no link below ``root`` leads out of it.

    :param shown: how people call ``root``.
    :raises ElementError: when one does.
    """
    inside = root.resolve()
    for path in _paths(root):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise ElementError(
                f"{shown}/{path.relative_to(root)} is a link to a place outside of {shown}. Commit the file "
                "itself there."
            )


def _paths(folder: Path) -> Iterator[Path]:
    for place, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        for name in sorted([*names, *files]):
            if not name.endswith(".pyc"):
                yield Path(place, name)
