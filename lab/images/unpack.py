"""Debian's packages, unpacked beside the machine's own: nothing of them is installed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab.command import run


def unpack(package: str, cache: Path, log: Path) -> Path:
    """Return the folder with the files of ``package``; downloaded and unpacked once.

    :raises LabError: when apt does not have it.
    """
    folder = cache / package
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=cache) as name:
        # apt fetches as a user of its own, who could not write here.
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package]
        run(download, log=log, folder=Path(name), seconds=600)
        (file,) = Path(name).glob("*.deb")
        unpacked = Path(name, "unpacked")
        run(["dpkg-deb", "-x", str(file), str(unpacked)], log=log, seconds=300)
        unpacked.rename(folder)
    return folder
