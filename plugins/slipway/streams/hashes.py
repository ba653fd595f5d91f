"""Hashes of bytes that pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from slipway.flow.record import Digest, Record

ALGORITHMS = ("sha256", "sha512")


class Hashes(Record):
    """Of a whole file, in hexadecimal, and its size in bytes."""

    sha256: str
    sha512: str
    size: int

    @property
    def digest(self) -> Digest:
        """The bytes' name everywhere in Slipway."""
        return f"sha256:{self.sha256}"

    def find(self, algorithm: str) -> str | None:
        """Return the hash by ``algorithm`` as ``hashlib`` names it, or None when it was not computed."""
        return {"sha256": self.sha256, "sha512": self.sha512}.get(algorithm)


class Hasher:
    """A sink that hashes: a thread of its own each, since ``hashlib`` lets others run meanwhile."""

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm)
        self.size = 0

    def __call__(self, chunks: Iterable[bytes]) -> None:
        """Hash every chunk."""
        for chunk in chunks:
            self._hash.update(chunk)
            self.size += len(chunk)

    @property
    def hexdigest(self) -> str:
        """The hash of what has passed."""
        return self._hash.hexdigest()
