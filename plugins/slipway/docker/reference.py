"""Names of container images. Pure.

Grammar: https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from slipway.docker.errors import DockerError

HUB = "docker.io"
_HOST = re.compile(
    r"^(localhost|[A-Za-z0-9.-]+\.[A-Za-z0-9.-]+|[A-Za-z0-9.-]+:[0-9]+|\[[0-9a-fA-F:]+\](:[0-9]+)?)$"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"^{_PART}(?:/{_PART})*$")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Reference:
    """An image: registry, repository, and a tag or a digest (the digest wins)."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def identifier(self) -> str:
        """What the registry's manifest route takes."""
        return self.digest or self.tag or "latest"


def parse(text: str) -> Reference:
    """Read an image's name as docker does: no registry means Docker Hub, one part means ``library/``.

    :raises DockerError: when it is no image name.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise DockerError(f"{text!r}: the digest is not sha256: and 64 hexadecimal digits. Copy it whole.")
    first, slash, remainder = rest.partition("/")
    registry, path = (first, remainder) if slash and _HOST.fullmatch(first) else (HUB, rest)
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise DockerError(f"{text!r}: {tag!r} is not a tag; use letters, digits, '.', '_' and '-'.")
    if not _PATH.fullmatch(path) or len(path) > 255:
        raise DockerError(
            f"{text!r} is not an image name; expected [registry/]name[:tag][@sha256:...], lower case."
        )
    if registry in (HUB, "index.docker.io", "registry-1.docker.io"):
        registry, path = HUB, path if "/" in path else f"library/{path}"
    return Reference(registry, path, tag or None, digest or None)
