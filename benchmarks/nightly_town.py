"""As many applications as a benchmark wants: repositories in the lab's Git server, and an ``apps.yaml``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.application import say
from benchmarks.servers import ROOT
from lab.airflow.settings import APPS_FILE
from lab.git.repository import Repositories
from lab.paths import this_checkout

OWNER = "nights"
LOGS = ("git", "artifactory", "registry", "dockerhub")
"""Of the lab's servers that say each request that they answer."""
DOCKERFILE = "FROM busybox:1.36\nCOPY slipway.yaml /\n"
ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"


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

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have them, known to Airflow; everything is as before afterwards."""
        restart = [sys.executable, "-m", "lab", "restart", "airflow"]
        root = this_checkout().state / "git"
        try:
            self._commit_all(Repositories(root))
            apps = self.folder / "apps.yaml"
            apps.write_text(apps_yaml(list(self.commits)))
            subprocess.run(restart, cwd=ROOT, env=os.environ | {APPS_FILE: str(apps)}, check=True)
            yield
        finally:
            subprocess.run(restart, cwd=ROOT, check=True)
            shutil.rmtree(root / OWNER, ignore_errors=True)
            self._remove_images()

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
