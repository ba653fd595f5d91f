"""What is on the disk, laid out as Jenkins' home: ``jobs/<folder>/jobs/<job>/builds/<number>/``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.jenkins import config
from lab.jenkins.config import Config
from lab.jenkins.refusal import Refusal


@dataclass
class Build:
    """One build; times in milliseconds since 1970."""

    job: str
    """Full name: ``folder/job``."""
    number: int
    queue_id: int
    parameters: dict[str, str]
    user: str
    started: int
    duration: int = 0
    result: str | None = None
    stopped_by: str = ""
    fingerprints: list[dict[str, str]] = field(default_factory=list)
    """``fileName`` and ``hash`` (MD5)."""

    @property
    def building(self) -> bool:
        """Whether it has no result yet."""
        return self.result is None


@dataclass(frozen=True)
class Home:
    """Jobs and builds; everything is read from disk each time."""

    root: Path

    def folder(self, job: str) -> Path:
        """Return a job's folder; "" is the top."""
        return self.root.joinpath(*(part for name in job.split("/") if name for part in ("jobs", name)))

    def find(self, job: str) -> Config | None:
        """Return a job, or None when there is none; the top is a folder."""
        if not job:
            return Config(is_folder=True)
        path = self.folder(job) / "config.xml"
        return config.read(path.read_text()) if path.is_file() else None

    def xml(self, job: str) -> str:
        """Return a job's ``config.xml``."""
        return (self.folder(job) / "config.xml").read_text()

    def write_xml(self, job: str, xml: str) -> None:
        """Make a job, or make it anew."""
        config.read(xml)
        folder = self.folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "config.xml", xml)

    def remove(self, job: str) -> None:
        """Remove a job with all its builds."""
        shutil.rmtree(self.folder(job))

    def children(self, job: str) -> list[str]:
        """Return the full names of what a folder holds."""
        found = (self.folder(job) / "jobs").glob("*/config.xml")
        return sorted(f"{job}/{path.parent.name}".lstrip("/") for path in found)

    def everything(self, job: str = "") -> Iterator[str]:
        """Yield the full names of all jobs."""
        for child in self.children(job):
            yield child
            yield from self.everything(child)

    def next_number(self, job: str) -> int:
        """Return the number of the next build."""
        path = self.folder(job) / "nextBuildNumber"
        return int(path.read_text()) if path.exists() else 1

    def take_number(self, job: str) -> int:
        """Return the number of a build that begins; it is never given again."""
        number = self.next_number(job)
        _replace(self.folder(job) / "nextBuildNumber", f"{number + 1}")
        return number

    def build_folder(self, job: str, number: int) -> Path:
        """Return a build's folder: ``build.json``, ``log``, ``archive/``."""
        return self.folder(job) / "builds" / str(number)

    def keep(self, build: Build) -> None:
        """Write a build down."""
        folder = self.build_folder(build.job, build.number)
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "build.json", json.dumps(asdict(build)))

    def build(self, job: str, number: int) -> Build:
        """Return a build.

        :raises Refusal: 404 when there is none.
        """
        path = self.build_folder(job, number) / "build.json"
        if not path.is_file():
            raise Refusal(404, "Not Found")
        return Build(**json.loads(path.read_text()))

    def builds(self, job: str) -> list[Build]:
        """Return a job's builds, the newest first."""
        numbers = sorted((int(path.parent.name) for path in self._records(job)), reverse=True)
        return [self.build(job, number) for number in numbers]

    def console(self, build: Build) -> Path:
        """Return the file that a build's console is."""
        return self.build_folder(build.job, build.number) / "log"

    def archive(self, build: Build) -> Path:
        """Return the folder that a build's artifacts are in."""
        return self.build_folder(build.job, build.number) / "archive"

    def artifacts(self, build: Build) -> list[str]:
        """Return the paths of a build's artifacts."""
        top = self.archive(build)
        return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())

    def read_queue(self) -> dict[str, Any]:
        """Return what waited when the server ended, and the last number that was given."""
        path = self.root / "queue.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"last": 0, "items": []}
        return found

    def write_queue(self, queue: dict[str, Any]) -> None:
        """Write down what waits, and the last number that was given."""
        _replace(self.root / "queue.json", json.dumps(queue))

    def _records(self, job: str) -> Iterator[Path]:
        return (self.folder(job) / "builds").glob("*/build.json")


def _replace(path: Path, text: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(text)
    aside.rename(path)
