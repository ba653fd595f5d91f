"""The demo's two pushes: real Git to a repository on disk, a served page, and Airflow's side of the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from slipway.cli import demo_command, main
from slipway.flow.push import PushEvent, parse_partition_key
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import built, deployment, look, run, task


class Pages:
    """A web server whose page a test sets."""

    def __init__(self) -> None:
        pages = self
        self.text = ""
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages.asked.append(pages.text)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(pages.text.encode())

            def log_message(self, *arguments: object) -> None:
                """Say nothing: pytest shows what fails."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def pages() -> Iterator[Pages]:
    served = Pages()
    thread = Thread(target=served.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bare = tmp_path / "examples" / "hello.git"
    bare.mkdir(parents=True)
    subprocess.run(["git", "init", "--bare", "--quiet", "--initial-branch=main", str(bare)], check=True)
    monkeypatch.setenv("SLIPWAY_GIT_URL", tmp_path.as_uri())
    monkeypatch.setenv("SLIPWAY_GIT_USER", "pusher")
    monkeypatch.setenv("SLIPWAY_GIT_PASSWORD", "secret")
    return bare


def _log(bare: Path) -> list[str]:
    said = subprocess.run(
        ["git", "log", "--format=%H", "main"], cwd=bare, check=True, capture_output=True, text=True
    )
    return said.stdout.split()


def _on_first_question(api: AirflowApi, monkeypatch: pytest.MonkeyPatch, arrive: Any) -> None:
    """Let ``arrive(push)`` happen in Airflow when the demo first asks about a push."""
    answer, known = api.answer, set[str]()

    def answering(path: str, query: dict[str, str]) -> tuple[int, Any]:
        key = query.get("partition_key_pattern", "").strip("%")
        if key and key not in known:
            known.add(key)
            repository, commit, _ = parse_partition_key(key)
            arrive(PushEvent(repository=repository, commit=commit, ref="refs/heads/main"))
        return answer(path, query)

    monkeypatch.setattr(api, "answer", answering)


def build_everywhere(api: AirflowApi, push: PushEvent, seconds: float = 0) -> dict[str, Any]:
    """Every run has ended, and only the container has an image; returns the run of `deploy`."""
    looked = api.add_run(look(push, seconds=seconds))
    for platform in ("vm", "bare_metal"):
        api.add_event(looked, f"slipway_{platform}_image", built(push, platform=platform, image=None))
    ended = api.add_run(run("container_image", "success", push, seconds + 2))
    api.add_event(ended, "slipway_container_image", built(push))
    return api.add_run(run("deploy", "success", push, seconds + 4))


def test_both_commits_must_answer(
    api: AirflowApi,
    git: Path,
    pages: Pages,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def arrive(push: PushEvent) -> None:
        seconds = len(api.runs) * 10.0
        deploy = build_everywhere(api, push, seconds)
        api.add_event(deploy, "slipway_deployment", deployment(push, seconds, url=pages.url))
        pages.text = f"hello from examples/hello at {push.commit}\nand more"

    monkeypatch.setattr(sys, "argv", ["slipway", "demo"])
    _on_first_question(api, monkeypatch, arrive)
    assert main(["demo"]) == 0
    second, first = _log(git)
    printed = capsys.readouterr().out
    for commit in (first, second):
        assert f"hello from examples/hello at {commit}" in printed
    assert [first in pages.asked[0], second in pages.asked[-1]] == [True, True]
    assert f"{api.url}  (user admin, password a password)" in printed
    assert "\x1b" not in printed
    assert [line for line in printed.splitlines() if len(line) > 100] == []


def test_a_failed_task_is_shown_with_its_last_log_lines(
    api: AirflowApi, git: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def arrive(push: PushEvent) -> None:
        api.add_run(look(push))
        failed = run("container_image", "failed", push)
        api.add_run(failed, task("build", "failed", 1, 2), task("publish", "upstream_failed"))
        api.logs["build"] = [
            *({"event": f"line {number}"} for number in range(100)),
            {
                "event": "Task failed",
                "error_detail": [{"exc_type": "BuildError", "exc_value": "step 3 \x1b[31m"}],
            },
        ]

    _on_first_question(api, monkeypatch, arrive)
    assert main(["demo"]) == 1
    printed = capsys.readouterr().out
    assert "task container_image / build failed (try 1)" in printed
    assert "line 99" in printed
    assert "BuildError: step 3" in printed
    assert "line 10\n" not in printed
    assert "\x1b" not in printed
    assert len(_log(git)) == 1


def test_a_page_that_answers_with_another_commit_is_a_failure(
    api: AirflowApi,
    git: Path,
    pages: Pages,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def arrive(push: PushEvent) -> None:
        deploy = build_everywhere(api, push)
        api.add_event(deploy, "slipway_deployment", deployment(push, url=pages.url))
        pages.text = "hello from examples/hello at another commit"

    monkeypatch.setattr(demo_command, "_ANSWER_SECONDS", 2.0)
    _on_first_question(api, monkeypatch, arrive)
    assert main(["demo"]) == 1
    assert "but with 'hello from examples/hello at another commit'" in capsys.readouterr().out


def test_a_push_that_starts_nothing_points_at_the_webhook(
    api: AirflowApi, git: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--timeout", "0"]) == 1
    assert "docs/webhook.md" in capsys.readouterr().out


def test_without_a_lab_the_demo_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo"]) == 2
    assert "make lab-up" in capsys.readouterr().err
