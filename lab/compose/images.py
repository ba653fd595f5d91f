"""Images that stand for those that ``docker-compose.yaml`` starts from: nothing is pulled in the lab.

They are made of Debian by the engine itself, and know this machine's way to the package registries: its
certificates, and its settings of pip and apt. The product's Dockerfile knows nothing of that.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.compose.client import Client
from lab.images.base import debian_layer
from lab.paths import Paths
from lab.server import LabError

SOURCES = Path(__file__).with_name("images")
REPOSITORY = "slipway-lab"
VARIABLES = {"python": "PYTHON_IMAGE", "postgres": "POSTGRES_IMAGE", "redis": "REDIS_IMAGE"}
"""The settings of ``docker-compose.yaml`` that name them."""
MACHINE = {
    "trust": (Path("/usr/local/share/ca-certificates"), "*.crt"),
    "apt/sources.list.d": (Path("/etc/apt/sources.list.d"), "debian.*"),
    "apt/apt.conf.d": (Path("/etc/apt/apt.conf.d"), "99*"),
    ".": (Path("/etc"), "pip.conf"),
}
"""What of this machine's the images get: where it goes in the build's context, and where it is."""


@dataclass(frozen=True)
class BaseImages:
    """The images in the engine that ``client`` talks to."""

    client: Client
    paths: Paths

    def ensure(self) -> Mapping[str, str]:
        """Make those that are not there; returns the settings that name them.

        :raises LabError: when one cannot be made.
        """
        layer = debian_layer(self.paths.cache, self.paths.logs / "base-images.log")
        debian = f"{REPOSITORY}/debian:{layer.digest.removeprefix('sha256:')[:12]}"
        if not self._is_there(debian):
            self.client.docker("import", str(layer.path), debian)
        return {variable: self._ensure(name, debian) for name, variable in VARIABLES.items()}

    def _ensure(self, name: str, debian: str) -> str:
        with tempfile.TemporaryDirectory(dir=self.paths.state) as folder:
            context = Path(folder, name)
            shutil.copytree(SOURCES / name, context)
            for place, (source, pattern) in MACHINE.items():
                _copy(source, pattern, context / place)
            image = f"{REPOSITORY}/{name}:{_digest(context, debian)}"
            if not self._is_there(image):
                self.client.docker(
                    "build", "--quiet", "--build-arg", f"DEBIAN={debian}", "--tag", image, str(context)
                )
        return image

    def _is_there(self, image: str) -> bool:
        try:
            self.client.docker("image", "inspect", "--format", "{{.Id}}", image)
        except LabError:
            return False
        return True


def _copy(source: Path, pattern: str, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob(pattern):
        if file.is_file():
            shutil.copy(file, target)


def _digest(context: Path, debian: str) -> str:
    found = hashlib.sha256(debian.encode())
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        found.update(f"\n{file.relative_to(context)}\n".encode())
        found.update(file.read_bytes())
    return found.hexdigest()[:12]
