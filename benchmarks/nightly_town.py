"""As many applications as a benchmark wants: repositories in the lab's Git server, and an ``apps.yaml``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.application import say
from benchmarks.servers import ROOT
from lab.airflow.connections import connections
from lab.airflow.settings import APPS_FILE
from lab.git.repository import Repositories
from lab.paths import this_checkout
from slipway import config
from slipway.flow.push import PushEvent
from slipway.pipelines.images import container_image
from slipway.pipelines.images.run import Run

OWNER = "nights"
LOGS = ("git", "artifactory", "registry", "dockerhub")
"""Of the lab's servers that say each request that they answer."""
DOCKERFILE = "FROM busybox:1.36\nCOPY slipway.yaml /\n"
ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"
BUILDERS = 4


def apps_yaml(repositories: list[str]) -> str:
    """Return an ``apps.yaml`` in which they all may build and are rebuilt at night."""
    production = {"refs": ["refs/heads/main"], "namespace": "demo"}
    entry = {"tenant": "demo", "environments": {"production": production}}
    return json.dumps({"version": 1, "applications": dict.fromkeys(repositories, entry)})


@dataclass
class Town:
    """``size`` applications, each a container that differs in its name."""

    known: dict[str, str]
    folder: Path
    size: int
    commits: dict[str, str] = field(default_factory=dict)
    """By repository."""

    @property
    def apps(self) -> Path:
        """Its ``apps.yaml``."""
        return self.folder / "apps.yaml"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have them, known to Airflow; everything is as before afterwards."""
        restart = [sys.executable, "-m", "lab", "restart", "airflow"]
        root = this_checkout().state / "git"
        try:
            self._commit_all(Repositories(root))
            self.apps.write_text(apps_yaml(list(self.commits)))
            subprocess.run(restart, cwd=ROOT, env=os.environ | {APPS_FILE: str(self.apps)}, check=True)
            yield
        finally:
            subprocess.run(restart, cwd=ROOT, check=True)
            shutil.rmtree(root / OWNER, ignore_errors=True)
            self._remove_images()

    def build_all(self) -> None:
        """Have every application's image built before, by the pipeline's own steps but without its tasks."""
        os.environ.update(connections(self.known))
        os.environ[config.APPS_FILE] = str(self.apps)
        with ThreadPoolExecutor(BUILDERS) as builders:
            for number, _ in enumerate(builders.map(_build, *zip(*self.commits.items(), strict=True)), 1):
                if number % 100 == 0:
                    print(f"    {number} are built", flush=True)

    def requests(self) -> int:
        """Return how many requests the lab's servers have answered since they started."""
        logs = this_checkout().logs
        return sum(
            sum('" ' in line and "HTTP/1." in line for line in (logs / f"{name}.log").open(errors="replace"))
            for name in LOGS
        )

    def _commit_all(self, repositories: Repositories) -> None:
        work = self.folder / "work"
        work.mkdir()
        say("git", "init", "--quiet", "--initial-branch", "main", cwd=work)
        (work / "Dockerfile").write_text(DOCKERFILE)
        for number in range(self.size):
            name = f"night-{number:04}"
            (work / "slipway.yaml").write_text(
                f"version: 1\nname: {name}\ncontainer: {{kubernetes: {{replicas: 0}}}}\n"
            )
            say("git", "add", "--all", cwd=work)
            author = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com")
            say("git", *author, "commit", "--quiet", "--message", name, cwd=work)
            bare = repositories.ensure(f"{OWNER}/{name}")
            say("git", "push", "--quiet", str(bare), "+HEAD:refs/heads/main", cwd=work)
            self.commits[f"{OWNER}/{name}"] = say("git", "rev-parse", "HEAD", cwd=work).strip()

    def _remove_images(self) -> None:
        login = (self.known["SLIPWAY_REGISTRY_USER"], self.known["SLIPWAY_REGISTRY_PASSWORD"])
        url = f"http://{self.known['SLIPWAY_REGISTRY']}/v2"
        with httpx.Client(auth=login, headers={"Accept": ACCEPT}, timeout=30) as registry:
            for repository in self.commits:
                place = f"{url}/docker-local/demo/{repository.removeprefix(f'{OWNER}/')}"
                for tag in registry.get(f"{place}/tags/list").json().get("tags") or []:
                    head = registry.head(f"{place}/manifests/{tag}")
                    if digest := head.headers.get("Docker-Content-Digest"):
                        registry.delete(f"{place}/manifests/{digest}")


def _build(repository: str, commit: str) -> None:
    now = datetime.now(UTC)
    push = PushEvent(repository=repository, ref="refs/heads/main", commit=commit, at=now)
    planned = container_image.plan(push)
    assert planned.inputs is not None  # they all have a container
    resolved = container_image.resolve(planned, planned.inputs)
    image = resolved.image or container_image.build(resolved)
    run = Run(id="benchmark", started=now, url="http://127.0.0.1/")
    container_image.publish(planned, image.to_json(), deploy=False, run=run)
