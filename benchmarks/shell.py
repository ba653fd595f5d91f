"""The same copies as people write them in a shell."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.stored import Stored

PATIENCE = 30.0


class Shell:
    """Logins are in files of ``folder``, not on command lines."""

    def __init__(self, there: Stored, folder: Path) -> None:
        self._there = there
        self._sum = folder / "sum"
        self._saved = folder / "saved"
        self._token = folder / "token"
        self._login = folder / "netrc"
        catalogue = there.both.files.catalogue
        self._login.touch(0o600)
        host = urlsplit(catalogue.url).hostname
        self._login.write_text(f"machine {host} login {catalogue.login} password {catalogue.password}\n")
        self._glance = (there.both.glance.cloud.image.get_endpoint() or "").rstrip("/")

    def from_glance(self, image: str, path: str) -> None:
        """Copy an image to a file of Artifactory."""
        self._run(
            f"{self._curl_glance()} {self._bytes(image)} | tee >(sha256sum >{self._sum}) | "
            f"{self._curl_artifactory()} -T - {self._there.both.files.url(path)} >/dev/null"
        )

    def to_glance(self, path: str, image: str) -> None:
        """Copy a file of Artifactory to a queued image."""
        self._run(
            f"{self._curl_artifactory()} {self._there.both.files.url(path)} | "
            f"tee >(sha256sum >{self._sum}) | "
            f"{self._curl_glance()} -H 'Content-Type: application/octet-stream' -T - {self._bytes(image)}"
        )

    def save_and_send(self, image: str, path: str) -> None:
        """Save an image to a file, and send that to Artifactory."""
        cloud = self._there.both.glance.cloud
        cloud.image.download_image(image, output=str(self._saved))
        self._run(
            f"{self._curl_artifactory()} -T {self._saved} {self._there.both.files.url(path)} >/dev/null"
        )
        self._saved.unlink()

    def amiss(self, digest: str) -> list[str]:
        """Say whether ``sha256sum`` saw other bytes than it should have."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self._sum.read_text().partition(" ")[0]):  # the shell does not wait for it
            if time.monotonic() > deadline:
                return ["sha256sum said nothing"]
            time.sleep(0.05)
        self._sum.unlink()
        return [] if f"sha256:{found}" == digest else [f"curl copied {found}, not {digest}"]

    def _run(self, script: str) -> None:
        subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True)

    def _curl_glance(self) -> str:
        self._token.touch(0o600)
        self._token.write_text(f"X-Auth-Token: {self._there.both.glance.cloud.session.get_token()}\n")
        return f"curl -sSf -H @{self._token}"

    def _curl_artifactory(self) -> str:
        return f"curl -sSf --netrc-file {self._login}"

    def _bytes(self, image: str) -> str:
        return f"{self._glance}/images/{image}/file"
