"""A repository for the tests of what runs by itself, pushed to with and without a webhook."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.flow.push import PushEvent
from tests.dags.pushing import Run, run_with_id

REPOSITORY = "tests/upkeep"


@dataclass(frozen=True)
class Upkeep:
    """The repository, and Airflow."""

    lab: Lab
    folder: Path
    airflow: Airflow
    api: httpx.Client

    def commit(self, files: dict[str, str], date: str = "") -> str:
        """Commit these files and no others; returns the commit.

        :param date: as git takes one; now when it is empty.
        """
        for path in self.folder.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, content in files.items():
            (self.folder / name).write_text(content)
        self.git("add", "--all")
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
        self.git("commit", "--quiet", "--allow-empty", "--message=a test", **dates)
        return self.git("rev-parse", "HEAD")

    def push(self, commit: str, ref: str) -> PushEvent:
        """Push a commit as people do: the server tells Slipway."""
        git = self.lab.git
        address = git.url.replace("://", f"://{git.user}:{git.password}@")
        self.git("push", "--quiet", f"{address}/{REPOSITORY}.git", f"+{commit}:{ref}")
        return PushEvent(repository=REPOSITORY, ref=ref, commit=commit)

    def push_untold(self, commit: str, ref: str) -> PushEvent:
        """Push a commit behind the server's back: no webhook is sent."""
        self.git("push", "--quiet", str(self.bare), f"+{commit}:{ref}")
        return PushEvent(repository=REPOSITORY, ref=ref, commit=commit)

    def head(self, ref: str) -> PushEvent:
        """Return the push that a ref is at."""
        commit = subprocess.run(
            ["git", "-C", self.bare, "rev-parse", ref], check=True, capture_output=True, text=True, timeout=30
        )
        return PushEvent(repository=REPOSITORY, ref=ref, commit=commit.stdout.strip())

    def delete(self, *refs: str) -> None:
        """Remove refs without telling anyone."""
        for ref in refs:
            subprocess.run(["git", "-C", self.bare, "update-ref", "-d", ref], check=True, timeout=30)

    def start(self, dag_id: str, **conf: Any) -> Run:
        """Start a DAG for this repository alone, and wait until its run has ended."""
        body = {"logical_date": None, "conf": {"repositories": [REPOSITORY], **conf}}
        answer = self.api.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        assert answer.status_code == 200, answer.text
        return run_with_id(self.airflow, str(answer.json()["dag_run_id"]), dag_id)

    def runs(self, dag_id: str, key: str) -> list[dict[str, Any]]:
        """The runs of a DAG for a partition key."""
        return [run for run in self.airflow.get_runs(dag_id, key) if run["partition_key"] == key]

    def mapped(self, run: Run, task_id: str) -> dict[str, str]:
        """The states of a mapped task's instances, by what they are called."""
        tasks = [task for task in self.airflow.get_tasks(run.dag_id, run.id) if task["task_id"] == task_id]
        return {str(task["rendered_map_index"]): task["state"] for task in tasks}

    @property
    def bare(self) -> Path:
        return self.lab.state / "git" / f"{REPOSITORY}.git"

    def git(self, *arguments: str, **environment: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        names = {
            f"GIT_{who}_{what}": "test@example.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=kept | names | {"GIT_CONFIG_GLOBAL": os.devnull} | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
