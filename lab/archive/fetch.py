"""Fetches a pinned package from the machine's own archive and unpacks it.

The download is apt's, with the machine's settings for proxies, logins and certificates:
https://manpages.debian.org/bookworm/apt/apt-transport-http.1.en.html
"""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from pathlib import Path

from lab import debian
from lab.archive.pins import Pin, read_pins
from lab.command import run
from lab.server import LabError

HELPER = "/usr/lib/apt/apt-helper"
GONE = "404"


def is_fetched(name: str, cache: Path) -> bool:
    """Say whether the pinned package ``name`` is in the cache."""
    return _folder(read_pins()[name], cache).exists()


def fetch(name: str, cache: Path, log: Path) -> Path:
    """Return the folder with the files of the pinned package ``name``; fetched and unpacked once.

    :raises LabError: as :func:`fetch_pin`.
    """
    return fetch_pin(read_pins()[name], cache, log)


def fetch_pin(pin: Pin, cache: Path, log: Path, apt: Path = debian.APT) -> Path:
    """Return the folder with the files of ``pin``, from the archive that the sources below ``apt`` name.

    The folder appears whole or not at all; who asks meanwhile waits.

    :raises LabError: when the archive does not have it, or has other bytes than were pinned.
    """
    folder = _folder(pin, cache)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{pin.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(prefix=f".{pin.name}-", dir=cache) as work:
                package = _download(pin, Path(work), log, apt)
                _unpack(package, Path(work, "files"), log).rename(folder)
    return folder


def _folder(pin: Pin, cache: Path) -> Path:
    return cache / f"{pin.name}-{pin.version}"


def _download(pin: Pin, work: Path, log: Path, apt: Path) -> Path:
    target = work / "package.deb"
    url = f"{debian.archive(pin.suite, apt)}/{pin.path}"
    # apt fetches as a user of its own, who could not write here.
    command = [HELPER, "-o", "APT::Sandbox::User=root", "download-file", url, str(target)]
    try:
        run([*command, f"SHA256:{pin.sha256}"], log=log, seconds=900)
    except LabError as error:
        raise LabError(f"{_reason(pin, str(error))}\n{error}") from error
    with target.open("rb") as file:  # whatever apt's settings say about hashes
        if hashlib.file_digest(file, "sha256").hexdigest() != pin.sha256:
            raise LabError(_changed(pin))
    return target


def _reason(pin: Pin, printed: str) -> str:
    if "Hash Sum mismatch" in printed:
        return _changed(pin)
    if GONE in printed:
        return (
            f"Debian's archive ({pin.suite}) no longer has {pin.name} {pin.version}, because a point "
            "release replaced it; pin the current versions: make debian-pins"
        )
    return f"{pin.name} {pin.version} cannot be fetched from this machine's archive of Debian"


def _changed(pin: Pin) -> str:
    return (
        f"the archive's file of {pin.name} {pin.version} is not the pinned one (its SHA-256 differs), and "
        "is not used; try again, or check the mirror that /etc/apt names"
    )


def _unpack(package: Path, files: Path, log: Path) -> Path:
    run(["dpkg-deb", "--extract", str(package), str(files)], log=log, seconds=300)
    files.chmod(0o755)
    return files
