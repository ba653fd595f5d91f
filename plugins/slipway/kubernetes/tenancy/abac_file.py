"""The ABAC policy file on disk: the old one or the new one, never a part, never an invalid one."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from slipway.flow.tenancy import abac
from slipway.kubernetes.errors import ClusterError


@dataclass(frozen=True)
class Rewriting:
    """What a new file would change, by lines."""

    before: int
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.added or self.removed)


def read(path: Path) -> str | None:
    """Return the file that is there, or None.

    :raises ClusterError: when there is one that cannot be read.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{path} cannot be read: {error}. Let the worker's user read it, or remove it"
        ) from error


def compare(old: str | None, new: str) -> Rewriting:
    """Return what would change; a first file, even an empty one, is a change."""
    before, after = Counter((old or "").splitlines()), Counter(new.splitlines())
    added = tuple((after - before).elements()) or (("",) if old is None else ())
    return Rewriting(before.total(), added, tuple((before - after).elements()))


def write(path: Path, text: str) -> None:
    """Replace the file, once the new one is checked, complete and on disk.

    :raises AbacError: when kube-apiserver would not take it.
    :raises ClusterError: when it cannot be written.
    """
    abac.check(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ClusterError(
            f"{path} cannot be written: {error.strerror}. Let the worker's user write its folder"
        ) from error
