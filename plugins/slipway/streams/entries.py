"""Describes a file, folder or link of a commit, for digests that depend on nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

EntryKind = Literal["file", "program", "folder", "link"]


def find_kind(about: os.stat_result) -> EntryKind | None:
    """Return what an entry is; None when it is no file, folder or link."""
    if stat.S_ISLNK(about.st_mode):
        return "link"
    if stat.S_ISDIR(about.st_mode):
        return "folder"
    if not stat.S_ISREG(about.st_mode):
        return None
    return "program" if about.st_mode & stat.S_IXUSR else "file"


def content(path: Path, kind: EntryKind) -> str:
    """Return what an entry holds: where a link leads, or the digest of a file; "" for a folder."""
    if kind == "link":
        return str(path.readlink())
    if kind == "folder":
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
