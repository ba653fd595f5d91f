"""Failures become issues: pushes to the lab's Git server, and what the lab's Jira has afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest
from atlassian import Jira

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.repository import WorkingCopy
from slipway.cli.settings import Login
from slipway.notices.channels import CHANNELS
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Run, run_with_id

pytestmark = pytest.mark.lab

BROKEN = "version: 1\nname: Not A Name\n"
NOTHING_DECLARED = "version: 1\nname: tickets\n"
DAG, ALONE = "push", "container_image"
Found = TypeVar("Found")


@dataclass
class Pushes:
    """Pushes of one application to a branch of the test's own, and what is told of them."""

    repository: str
    airflow: Airflow
    api: httpx.Client
    copy: WorkingCopy
    name: str = field(default_factory=lambda: f"t-{secrets.token_hex(4)}")

    @property
    def ref(self) -> str:
        """A ref that the environment takes."""
        return f"refs/heads/told/{self.name}"

    @property
    def aside(self) -> str:
        """A ref whose pushes are ignored."""
        return f"refs/heads/{self.name}"

    def push(self, spec: str) -> Run:
        """Push a ``slipway.yaml``, and wait until it was looked at."""
        key = f"{self.repository}@{self._commit(spec, self.ref)}"
        return self._wait(lambda: self._ended(key), f"no run of {key} has ended")

    def start(self, spec: str) -> Run:
        """Start the container pipeline alone, as a person does, and wait until it has ended."""
        form = {"repository": self.repository, "ref": self.ref, "commit": self._commit(spec, self.aside)}
        answer = self.api.post(f"/api/v2/dags/{ALONE}/dagRuns", json={"logical_date": None, "conf": form})
        return run_with_id(self.airflow, answer.raise_for_status().json()["dag_run_id"], ALONE)

    def forget(self) -> None:
        """Delete the branches."""
        there = self.copy._git("ls-remote", "origin", self.ref, self.aside).stdout.split()[1::2]
        self.copy._git("push", "--quiet", "origin", *(f":{ref}" for ref in there))

    def told(self, run: Run) -> Run:
        """Wait until ``notify`` has told of a run, or failed to."""
        return run_with_id(
            self.airflow, self._wait(lambda: self._telling(run), f"nobody tells of {run.id}"), "notify"
        )

    def _commit(self, spec: str, ref: str) -> str:
        (self.copy.folder / "slipway.yaml").write_text(spec)
        (self.copy.folder / "unique").write_text(secrets.token_hex(8))
        commit = self.copy.commit("a test")
        self.copy._git("push", "--quiet", "origin", f"+{commit}:{ref}")
        return commit

    def note(self, run: Run) -> str:
        """The run's note."""
        answer = self.api.get(f"/api/v2/dags/{run.dag_id}/dagRuns/{run.id}")
        return str(answer.raise_for_status().json()["note"])

    def events(self, run: Run) -> list[dict[str, Any]]:
        """What was registered of a run."""
        events = self.airflow.iterate_events("slipway_outcome", most=100)
        return [event for event in events if event["extra"]["ended"]["run_id"] == run.id]

    def _ended(self, key: str) -> Run | None:
        for run in self.airflow.iterate_runs(DAG, key, most=20):
            if run["partition_key"] == key and run["state"] in ("success", "failed"):
                return Run(self.airflow, run["dag_run_id"], run["state"], DAG)
        return None

    def _telling(self, run: Run) -> str | None:
        started = [made for event in self.events(run) for made in event["created_dagruns"]]
        return str(started[0]["run_id"]) if started else None

    def _wait(self, look: Callable[[], Found | None], lacking: str) -> Found:
        for _ in range(TRIES):
            if (found := look()) is not None:
                return found
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(lacking)


@pytest.fixture
def of(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Callable[[str], Pushes]]:
    """Pushes of an application."""
    made: list[Pushes] = []
    git, web = lab.git, lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:

        def pushes(repository: str) -> Pushes:
            folder = tmp_path / "work"
            folder.mkdir()
            copy = WorkingCopy(folder, Login(git.url, git.user, git.password), repository)
            copy._git("init", "--quiet", "--initial-branch=main")
            copy._git("remote", "add", "origin", f"{git.url}/{repository}.git")
            made.append(Pushes(repository, airflow, airflow_api, copy))
            return made[-1]

        yield pushes
    for one in made:
        one.forget()


class Issues:
    """What the lab's Jira has."""

    def __init__(self, lab: Lab) -> None:
        login = lab.jira
        self._client = Jira(login.url, login.user, login.password, timeout=30, api_version="2")
        self._client.session.trust_env = False

    def forget(self) -> None:
        """Finish what a test that did not end left open."""
        found: Any = self._client.jql(
            'project = SLIP AND statusCategory != Done AND summary ~ "tests/tickets"'
        )
        for issue in found["issues"]:
            self._client.set_issue_status(issue["key"], "Done")

    def of(self, ref: str) -> list[dict[str, Any]]:
        """The issues that name a ref, the oldest first."""
        found: Any = self._client.jql("labels = slipway ORDER BY created ASC", limit=1000)
        return [issue["fields"] for issue in found["issues"] if ref in issue["fields"]["description"]]


def test_a_failure_is_one_issue_until_the_next_success(of: Callable[[str], Pushes], lab: Lab) -> None:
    pushes, issues = of("tests/tickets"), Issues(lab)
    issues.forget()
    first = pushes.push(BROKEN)
    assert first.state == "failed", first.story
    assert pushes.note(first).startswith("failed at look: slipway.yaml")
    start = pushes.note(first).splitlines()[1]
    assert start.startswith("tests/tickets: ")
    assert start.endswith(f" of {pushes.ref}")
    telling = pushes.told(first)
    assert telling.state == "success", telling.story
    idle = dict.fromkeys((channel.name for channel in CHANNELS), "skipped")
    assert telling.tasks == {"gather": "success", "ticket": "success", **idle}
    [issue] = issues.of(pushes.ref)
    text = issue["description"]
    assert issue["summary"].startswith("tests/tickets (production): push failed: slipway.yaml")
    assert "must be a name of at most 40" in text
    assert f"/dags/{DAG}/runs/" in text
    assert "Failing task: look" in text
    assert lab.git.password not in text

    again = pushes.push(BROKEN)
    assert pushes.told(again).state == "success"
    [issue] = issues.of(pushes.ref)
    [comment] = issue["comment"]["comments"]
    assert f"/dags/{DAG}/runs/{quote(again.id, safe='')}" in comment["body"]
    assert issue["status"]["statusCategory"]["key"] == "new"

    good = pushes.push(NOTHING_DECLARED)
    assert good.state == "success", good.story
    assert pushes.told(good).state == "success"
    [issue] = issues.of(pushes.ref)
    assert issue["status"]["statusCategory"]["key"] == "done"
    assert "succeeds again" in issue["comment"]["comments"][-1]["body"]


def test_a_jira_that_takes_no_issue_is_no_matter_of_the_pipeline(of: Callable[[str], Pushes]) -> None:
    pushes = of("tests/no-tickets")
    run = pushes.start(BROKEN)
    assert (run.state, run.tries["plan"]) == ("failed", 1), run.story
    telling = pushes.told(run)
    assert telling.tasks["ticket"] == "failed"
    [entry] = telling.errors("ticket")
    assert "Correct `tickets` in apps.yaml" in str(entry["error_detail"])
