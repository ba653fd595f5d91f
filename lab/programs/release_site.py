"""Programs from a site with the layout of Kubernetes' releases: each beside a file with its SHA-256.

https://kubernetes.io/releases/download/
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab.programs.kept import ProgramSet
from lab.programs.progress import Progress
from lab.server import LabError

CHUNK = 1 << 20
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class ReleaseSite:
    """``<url>/v1.37.2/bin/linux/amd64/kubelet`` and ``kubelet.sha256`` beside it."""

    url: str
    variable: str
    """What the user set to name it."""

    def __call__(self, programs: ProgramSet, work: Path) -> None:
        """Download ``programs`` into ``<work>/bin``, and compare what came with the checksums.

        :raises LabError: when the site does not have one, or its bytes are not what the checksum says.
        """
        place = f"{self.url.rstrip('/')}/v{programs.version}/bin/linux/amd64"
        progress = Progress(f"fetching {programs} from {self.url}", len(programs.programs))
        progress.start()
        try:
            with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
                for program in programs.programs:
                    self._download(client, f"{place}/{program}", work / "bin" / program)
                    progress.advance()
        except httpx.HTTPError as error:
            said = str(error).partition("\n")[0]
            raise LabError(
                f"{self.url} does not serve {programs}: {said}; correct {self.variable}, or unset it to "
                "build the programs here"
            ) from error
        progress.end()

    def _download(self, client: httpx.Client, url: str, target: Path) -> None:
        said = client.get(f"{url}.sha256").raise_for_status().text.split()
        digest = hashlib.sha256()
        with client.stream("GET", url) as answer, target.open("wb") as file:
            for chunk in answer.raise_for_status().iter_bytes(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if not said or not hmac.compare_digest(said[0].lower(), digest.hexdigest()):
            raise LabError(
                f"{url} does not match its checksum ({digest.hexdigest()}, and not {' '.join(said)[:64]}); "
                f"it is not used: repair the site that {self.variable} names, or unset it to build the "
                "programs here"
            )
        target.chmod(0o755)
