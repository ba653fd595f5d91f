"""Reads a commit before anything is built or deployed."""

from __future__ import annotations

from slipway.flow.document import MAX_BYTES, load
from slipway.flow.spec import BuildSpec
from slipway.github.errors import RepositoryError
from slipway.github.repository import Commit

SPEC_FILE = "slipway.yaml"


def read_spec(commit: Commit) -> BuildSpec:
    """Return the commit's ``slipway.yaml``.

    :raises SlipwayError: when it is missing or breaks a rule.
    """
    data = commit.read(SPEC_FILE, MAX_BYTES)
    if data is None:
        raise RepositoryError(
            f"{commit.push.repository} has no {SPEC_FILE} at {commit.push.short_commit}. Commit one at the "
            "repository's root; `slipway schema` prints its format."
        )
    return load(data, BuildSpec, SPEC_FILE)


def read_manifests(commit: Commit, paths: tuple[str, ...]) -> dict[str, bytes]:
    """Return the contents of the commit's manifests by path.

    :raises SlipwayError: when one is missing.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        content = commit.read(path, MAX_BYTES)
        if content is None:
            raise RepositoryError(
                f"{SPEC_FILE}: container.kubernetes.manifests: {path} is not in the commit. "
                "Commit it, or remove it from the list."
            )
        found[path] = content
    return found


def read_file(commit: Commit, path: str, field: str, most: int) -> bytes:
    """Return the content of a file that ``field`` of ``slipway.yaml`` names.

    :param most: bytes.
    :raises SlipwayError: when it is missing or larger.
    """
    content = commit.read(path, most)
    if content is None:
        raise RepositoryError(
            f"{SPEC_FILE}: {field}: {path} is not in the commit. Commit it, or name another."
        )
    return content
