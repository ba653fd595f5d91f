"""The build context: the part of a checkout that goes to the engine, and its digest.

Equal trees give equal bytes and equal digests: no time, no owner, no order of the file system. Links are
sent as links and never followed, so nothing outside the checkout can be reached through one.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from docker.utils.build import exclude_paths

from slipway.docker.errors import ContextError
from slipway.streams.entries import EntryKind, content, find_kind

IGNORE = ".dockerignore"
LIMIT_BYTES = 2 * 1024**3
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class _Entry:
    """What is sent.

    :param size: bytes of a file.
    """

    name: str
    path: Path
    kind: EntryKind
    size: int


@dataclass(frozen=True)
class Context:
    """A folder to build in.

    :param root: the folder, below the checkout.
    :param limit: bytes that its files may have together.
    """

    root: Path
    limit: int = LIMIT_BYTES

    def paths(self) -> list[str]:
        """Return the relative paths that ``.dockerignore`` leaves, sorted.

        https://docs.docker.com/build/concepts/context/#dockerignore-files
        """
        text = (self._ignore() or b"").decode(errors="replace").splitlines()
        lines = [".git", *(line.strip() for line in text if line.strip() and not line.startswith("#"))]
        # The Dockerfile travels apart (see `archive`): its own place in the tree is not special.
        return sorted(path for path in exclude_paths(str(self.root), lines, dockerfile="/dev/null") if path)

    def digest(self) -> str:
        """Return the digest of what :meth:`archive` sends; the same on every machine.

        :raises ContextError: when the tree is too large or holds sockets, devices or pipes.
        """
        total, whole = 0, hashlib.sha256()
        for entry in self._entries():
            total += entry.size
            self._check_size(total)
            held = content(entry.path, entry.kind)
            whole.update(os.fsencode(f"{entry.name}\0{entry.kind}\0{held}\0"))
        return f"sha256:{whole.hexdigest()}"

    def archive(self, file: IO[bytes], dockerfile: bytes, dockerfile_name: str) -> None:
        """Write the context as a tar archive, with ``dockerfile`` added under ``dockerfile_name``.

        The engine reads that name and then, since ``.dockerignore`` names it, takes it out: no ``COPY .``
        puts it into the image.

        :raises ContextError: as :meth:`digest`.
        """
        total = 0
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for entry in self._entries():
                member = _member(entry)
                if not member.isreg():
                    archive.addfile(member)
                    continue
                total += entry.size
                self._check_size(total)
                with entry.path.open("rb") as sent:
                    archive.addfile(member, sent)
            _add(archive, dockerfile_name, dockerfile)
            if (own := self._ignore()) is not None:
                _add(archive, IGNORE, own + f"\n{dockerfile_name}\n".encode())
            elif not os.path.lexists(self.root / IGNORE):
                _add(archive, IGNORE, f"{dockerfile_name}\n{IGNORE}\n".encode())

    def _ignore(self) -> bytes | None:
        path = self.root / IGNORE
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None

    def _entries(self) -> Iterator[_Entry]:
        for name in self.paths():
            path = self.root / name
            about = path.lstat()
            if (kind := find_kind(about)) is None:
                raise ContextError(f"{name} is not a file, folder or link. Exclude it by .dockerignore.")
            yield _Entry(name, path, kind, about.st_size if kind in ("file", "program") else 0)

    def _check_size(self, total: int) -> None:
        if total > self.limit:
            raise ContextError(
                f"the build context is larger than {self.limit // 1024**2} MiB. Exclude what the build does "
                "not need by .dockerignore."
            )


def _add(archive: tarfile.TarFile, name: str, added: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(added), 0o644
    archive.addfile(member, BytesIO(added))


def _member(entry: _Entry) -> tarfile.TarInfo:
    member = tarfile.TarInfo(entry.name)
    member.mode = 0o755 if entry.kind in ("folder", "program") else 0o644
    if entry.kind == "folder":
        member.type = tarfile.DIRTYPE
    elif entry.kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, content(entry.path, entry.kind)
    else:
        member.size = entry.size
    return member
