"""Hashes of bytes that pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from slipway.flow.record import Digest, Record, SlipwayError

ALGORITHMS = ("sha256", "sha512")
"""Always computed: Slipway's and Artifactory's own, and Glance's."""


class Hashes(Record):
    """Of a whole file, in hexadecimal, and its size in bytes."""

    sha256: str
    sha512: str
    size: int
    others: Mapping[str, str] = {}
    """By algorithms that a side needed besides: ``md5``, ``sha1``."""

    @property
    def digest(self) -> Digest:
        """The bytes' name everywhere in Slipway."""
        return f"sha256:{self.sha256}"

    def find(self, algorithm: str) -> str | None:
        """Return the hash by ``algorithm`` as ``hashlib`` names it, or None when it was not computed."""
        known = {"sha256": self.sha256, "sha512": self.sha512, **self.others}
        return known.get(algorithm)

    def check_same(self, other: Hashes) -> None:
        """Check that a second reading gave the same bytes.

        :raises SlipwayError: when it did not.
        """
        if other.digest != self.digest:
            raise SlipwayError(f"the bytes changed while they were read: {self.digest} became {other.digest}")


class Hasher:
    """A sink that hashes: a thread of its own each, since ``hashlib`` lets others run meanwhile."""

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=algorithm in ALGORITHMS)
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
