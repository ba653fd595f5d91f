"""Checksums of content, and what clients say about them before the content is looked at."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.artifactory.refusal import Refusal

KINDS = ("sha1", "sha256", "md5")
_LENGTHS = {40: "sha1", 64: "sha256", 32: "md5"}


@dataclass(frozen=True)
class Checksums:
    """All checksums that Artifactory keeps of content, in hexadecimal."""

    sha256: str
    sha1: str
    md5: str

    def to_json(self) -> dict[str, str]:
        """Return them by name."""
        return {"sha1": self.sha1, "md5": self.md5, "sha256": self.sha256}


class Digester:
    """Computes all checksums in one pass."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take the next bytes in."""
        for digest in (self._md5, self._sha1, self._sha256):
            digest.update(data)

    def checksums(self) -> Checksums:
        """Return the checksums of what was taken in."""
        return Checksums(self._sha256.hexdigest(), self._sha1.hexdigest(), self._md5.hexdigest())


@dataclass(frozen=True)
class Claimed:
    """What a client's headers say: ``X-Checksum-Sha1``, ``-Sha256``, ``-Md5``, ``X-Checksum``.

    https://jfrog.com/help/r/jfrog-rest-apis/deploy-artifact
    """

    values: Mapping[str, str]

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Claimed:
        """Read the headers; one without a name tells its kind by its length."""
        values = {kind: headers[f"x-checksum-{kind}"] for kind in KINDS if f"x-checksum-{kind}" in headers}
        if (unnamed := headers.get("x-checksum", "").strip()) and len(unnamed) in _LENGTHS:
            values.setdefault(_LENGTHS[len(unnamed)], unnamed)
        return cls({kind: value.strip().lower() for kind, value in values.items()})

    @property
    def address(self) -> tuple[str, str] | None:
        """Kind and value that find content: SHA-256, else SHA-1; None when neither is well-formed."""
        for kind, length in (("sha256", 64), ("sha1", 40)):
            if re.fullmatch(rf"[0-9a-f]{{{length}}}", self.values.get(kind, "")):
                return kind, self.values[kind]
        return None

    def verify(self, actual: Checksums, where: str) -> None:
        """Check the content's own checksums against the claimed ones.

        :raises Refusal: 409 when one differs.
        """
        for kind, claimed, found in self._compared(actual):
            if claimed != found:
                raise Refusal(
                    409,
                    f"Checksum error for '{where}' ({kind}): received '{claimed}' but actual is '{found}'",
                )

    def original(self, actual: Checksums) -> dict[str, str]:
        """Return what replies show as ``originalChecksums``: the claims, and SHA-256 always."""
        return {"sha256": actual.sha256} | dict(self.values)

    def _compared(self, actual: Checksums) -> Iterator[tuple[str, str, Any]]:
        for kind, claimed in self.values.items():
            yield kind, claimed, getattr(actual, kind)
