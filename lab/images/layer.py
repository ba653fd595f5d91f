"""An image's layer: a compressed tar archive, the same bytes whenever it is made from the same files.

https://github.com/opencontainers/image-spec/blob/v1.0.2/layer.md
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A layer in a file."""

    path: Path
    digest: str
    """Of the compressed bytes, by which the registry knows it."""
    diff_id: str
    """Of the archive itself, by which the image's configuration names it."""
    size: int
    """Of the compressed bytes."""


def compress(archive: Path, target: Path) -> None:
    """Write ``archive``, compressed, to ``target``; no time or name goes into the bytes."""
    aside = target.with_suffix(".new")
    with (
        archive.open("rb") as source,
        aside.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=1, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, CHUNK)
    aside.rename(target)


def read_layer(path: Path) -> Layer:
    """Return the layer in ``path``, a compressed archive."""
    with gzip.open(path) as unpacked:
        diff_id = _digest(iter(lambda: unpacked.read(CHUNK), b""))
    with path.open("rb") as packed:
        digest = _digest(iter(lambda: packed.read(CHUNK), b""))
    return Layer(path, digest, diff_id, path.stat().st_size)


def busybox_archive(program: Path, applets: Iterable[str], target: Path) -> None:
    """Write a root file system to ``target``: ``program`` as busybox, a link for each of its applets.

    ``/etc/passwd`` and ``/etc/group`` name root and nobody; ``/tmp`` takes everybody's files.
    """
    with tarfile.open(target, "w") as archive:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777)):
            archive.addfile(_entry(folder, tarfile.DIRTYPE, mode))
        _add_file(archive, "bin/busybox", program.read_bytes(), 0o755)
        for applet in sorted(set(applets) - {"busybox"}):
            link = _entry(f"bin/{applet}", tarfile.LNKTYPE, 0o755)
            link.linkname = "bin/busybox"
            archive.addfile(link)
        accounts = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
        _add_file(archive, "etc/passwd", accounts, 0o644)
        _add_file(archive, "etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644)


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = _entry(name, tarfile.REGTYPE, mode)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = mode
    return entry


def _digest(chunks: Iterable[bytes]) -> str:
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
    return f"sha256:{sha256.hexdigest()}"
