"""Artifacts of a build, put into a folder: sizes limited, bytes held against Jenkins' fingerprints."""

from __future__ import annotations

import hashlib
import logging
import posixpath
from pathlib import Path
from urllib.parse import quote

from slipway.flow.jenkins import FinishedBuild, JenkinsJob
from slipway.jenkins.errors import JenkinsError, TransientJenkinsError, told
from slipway.jenkins.server import JenkinsServer, path_of

log = logging.getLogger(__name__)

MIB = 1024**2


def places(wanted: JenkinsJob) -> dict[str, str]:
    """Return each artifact's path below the build context."""
    return {path: posixpath.normpath(f"{wanted.into}/{path}") for path in wanted.artifacts}


def check_free(root: Path, wanted: JenkinsJob) -> None:
    """Check that the commit leaves room for the artifacts below ``root``, the build context.

    :raises JenkinsError: when it has something there already, or a link on the way.
    """
    for path, place in places(wanted).items():
        parts = place.split("/")
        for at in range(1, len(parts) + 1):
            on_the_way = root.joinpath(*parts[:at])
            if on_the_way.is_symlink() or (
                on_the_way.exists() and not (at < len(parts) and on_the_way.is_dir())
            ):
                raise JenkinsError(
                    f"build.jenkins: artifact {path} cannot be placed at {place} in the build context: the "
                    f"commit has {'/'.join(parts[:at])} there. Remove that, or choose another `into`."
                )


def bring(server: JenkinsServer, build: FinishedBuild, wanted: JenkinsJob, root: Path) -> None:
    """Put a build's artifacts into ``root``.

    :raises JenkinsError: when they are too large, or are not what the build has fingerprints of.
    """
    check_free(root, wanted)
    left = wanted.size_mib * MIB
    for path, place in places(wanted).items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        size, digest = _download(server, build, path, file, left)
        if digest not in build.fingerprints:
            raise JenkinsError(
                f"artifact {path} of build {build.number} of {build.job} has MD5 {digest}, but the build "
                "has no such fingerprint: the file was changed, or archived without fingerprint. Archive it "
                "with fingerprints, and start the run again."
            )
        left -= size
        log.info("%s of build %d: %d bytes, as its fingerprint says", path, build.number, size)


def _download(
    server: JenkinsServer, build: FinishedBuild, artifact: str, place: Path, most: int
) -> tuple[int, str]:
    """Return size and MD5 of the written bytes.

    :param most: bytes.
    """
    what = f"artifact {artifact} of build {build.number} of job {build.job}"
    path = f"{path_of(build.job)}{build.number}/artifact/{quote(artifact)}"
    md5, size = hashlib.md5(usedforsecurity=False), 0
    with server.open(path, what) as answer, place.open("xb") as file:
        announced = answer.headers.get("Content-Length")
        _check(int(announced or 0), most, artifact)
        with told(what):
            for chunk in answer.iter_content(MIB):
                size += len(chunk)
                _check(size, most, artifact)
                md5.update(chunk)
                file.write(chunk)
    if announced is not None and size != int(announced) and "Content-Encoding" not in answer.headers:
        raise TransientJenkinsError(f"{what} broke off after {size} of {announced} bytes")
    return size, md5.hexdigest()


def _check(size: int, most: int, artifact: str) -> None:
    if size > most:
        raise JenkinsError(
            f"artifact {artifact} exceeds build.jenkins.size_mib, the limit for all artifacts. Raise it in "
            "slipway.yaml, or archive less."
        )
