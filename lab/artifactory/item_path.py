"""Where an item is: the path of a URL, read from its raw bytes and checked.

Matrix parameters (``;name=value`` after the path) are properties of what is deployed:
https://jfrog.com/help/r/jfrog-artifactory-documentation/using-properties-in-deployment-and-resolution
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from lab.artifactory.refusal import Refusal

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\|*?"<>]')
_MAX_PATH = 1024
_MAX_NAME = 255


@dataclass(frozen=True, order=True)
class ItemPath:
    """An item of a repository; ``path`` has no slash at its ends and is empty for the repository itself."""

    repo: str
    path: str = ""

    @property
    def name(self) -> str:
        """The last part; ``.`` for the repository itself, as AQL says it."""
        return self.path.rpartition("/")[2] or "."

    @property
    def folder(self) -> str:
        """The parts before the name; ``.`` at the top, as AQL says it."""
        return self.path.rpartition("/")[0] or "."

    @property
    def parent(self) -> ItemPath:
        """The folder that the item is in; of a repository, itself."""
        return ItemPath(self.repo, self.path.rpartition("/")[0])

    @property
    def is_root(self) -> bool:
        """Say whether this is a repository itself."""
        return not self.path

    @property
    def depth(self) -> int:
        """How many parts the path has."""
        return self.path.count("/") + 1 if self.path else 0

    @property
    def uri_path(self) -> str:
        """``/path`` as JSON replies write it."""
        return f"/{self.path}"

    def child(self, name: str) -> ItemPath:
        """Return the item ``name`` (which may be a path) in this folder."""
        return ItemPath(self.repo, f"{self.path}/{name}" if self.path else name)

    def holds(self, other: ItemPath) -> bool:
        """Say whether ``other`` is this item or below it."""
        inside = self.is_root or other.path == self.path or other.path.startswith(f"{self.path}/")
        return self.repo == other.repo and inside

    def url(self) -> str:
        """Return ``repo/path``, percent-encoded."""
        return quote(str(self), safe="/:@+~")

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}" if self.path else self.repo


@dataclass(frozen=True)
class Target:
    """What the path of a URL names."""

    at: ItemPath
    matrix: tuple[tuple[str, str], ...] = ()
    is_folder: bool = False
    """Whether it ends in a slash."""


def parse(raw: str) -> Target:
    """Read ``repo/path[/][;name=value...]``, percent-encoded.

    :raises Refusal: 400 when it leads out of the repository or has characters that names may not have.
    """
    encoded, _, parameters = raw.partition(";")
    parts = [part for part in _decoded(encoded).split("/") if part]
    if not parts:
        raise Refusal(400, "Bad path: a repository key is expected.")
    for part in parts:
        if part in (".", ".."):
            raise Refusal(400, f"Bad path: '{part}' is not allowed in it; give the path without it.")
        if _FORBIDDEN.search(part) or len(part) > _MAX_NAME:
            raise Refusal(400, 'Bad path: names have no control characters and none of \\ | * ? " < >.')
    path = "/".join(parts[1:])
    if len(path) > _MAX_PATH:
        raise Refusal(400, f"Bad path: at most {_MAX_PATH} characters are allowed.")
    return Target(ItemPath(parts[0], path), _matrix(parameters), encoded.endswith("/"))


def _matrix(parameters: str) -> tuple[tuple[str, str], ...]:
    pairs = [one.partition("=") for one in parameters.split(";") if one]
    return tuple((_decoded(name), _decoded(value)) for name, _, value in pairs)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "Bad path: it is not UTF-8.") from None
