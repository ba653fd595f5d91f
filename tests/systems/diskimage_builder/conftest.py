"""A commit's checkout with elements, and a place to build it in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.build import BuiltFiles, DiskimageBuild
from slipway.diskimage_builder.loops import attached
from slipway.diskimage_builder.workplace import DiskimageWorkplace
from slipway.flow.ironic.bare_metal import BareMetal

SAMPLES = Path(__file__).parents[2] / "samples" / "elements"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Checkout:
    """Files of a commit; ``tiny`` is a distribution that is built in seconds and boots nothing."""

    folder: Path
    place: DiskimageWorkplace
    fields: dict[str, Any] = field(default_factory=dict)

    def element(self, name: str, script: str, text: str) -> Path:
        """Write a script of an element of the application's own, like ``root.d/50-x``."""
        path = self.folder / "elements" / name / script
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def spec(self, *names: str, **fields: Any) -> BareMetal:
        """Return a spec that takes ``tiny`` and these elements."""
        least = {
            "base": False,
            "environment": {"DIB_JOURNAL_SIZE": "4"},
            "size_gib": 0.06,
            "compress": False,
        }
        return BareMetal.model_validate({"elements": ("tiny", *names), **least, **fields})

    def build(self, *names: str, seconds: int = 600, **fields: Any) -> BuiltFiles:
        """Build, and leave what was made in ``kept``."""
        spec = self.spec(*names, **fields).model_copy(update={"build_seconds": seconds})
        found = elements.find(spec, self.folder)
        with self.place.occupied() as lock:
            variables = settings.variables(spec, {}, COMMIT)
            made = DiskimageBuild(spec, "web", found, self.place, variables, lock).run()
            kept = self.folder / "kept"
            shutil.copytree(self.place.output, kept, dirs_exist_ok=True)
        return BuiltFiles(
            kept / made.image.name, {name: kept / path.name for name, path in made.parts.items()}
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    folder = tmp_path / "checkout"
    shutil.copytree(SAMPLES, folder / "elements")
    place = DiskimageWorkplace(tmp_path / "worker", "build", "demo/web")
    yield Checkout(folder, place)
    assert leavings(place) == []


def leavings(place: DiskimageWorkplace) -> list[str]:
    """What a build left: mounts, loop devices, processes, files."""
    root = str(place.root)
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if root in line]
    files = [str(path) for path in (place.root / "builds").glob("*")] if place.root.exists() else []
    processes = [about for about in _processes() if root in about]
    return [*mounts, *attached(place.root), *processes, *files]


def _processes() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (folder / "mountinfo").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(folder.name) != os.getpid():
            yield f"{folder.name} {command} {mounts}"
