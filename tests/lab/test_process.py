"""Background processes: known by more than their id, ended with all their children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.ground import Ground
from lab.marked import kill_leftovers, marked, refuse_another_lab
from lab.patience import VARIABLE
from lab.process import Process, born, wait_gone
from lab.server import LabError

SLEEPS = [sys.executable, "-S", "-c", "import time; time.sleep(300)"]
WITH_CHILD = [
    *(sys.executable, "-S", "-c"),
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(300)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(300)",
]
STUBBORN = [
    *(sys.executable, "-S", "-c"),
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(300)",
]


@pytest.fixture
def paths(ground: Ground) -> Iterator[Ground]:
    yield ground
    kill_leftovers(ground.paths.state)


def test_it_runs_in_a_session_of_its_own_and_is_found_again(paths: Ground) -> None:
    Process("one", SLEEPS, paths.paths).start()
    again = Process("one", SLEEPS, paths.paths)
    pid = again.pid
    assert pid is not None
    assert os.getsid(pid) == pid
    again.start()
    assert again.pid == pid
    again.stop()
    assert again.pid is None
    assert born(pid) is None


def test_stopping_ends_its_children_too(paths: Ground) -> None:
    process = Process("parent", WITH_CHILD, paths.paths)
    process.start()
    process.wait_until(lambda: process.log.read_text().endswith("\n"), 20)
    child = int(process.log.read_text())
    process.stop()
    assert wait_gone(lambda: born(child) is None, 10)


def test_what_ignores_a_polite_word_is_killed(paths: Ground) -> None:
    process = Process("stubborn", STUBBORN, paths.paths)
    process.start()
    process.wait_until(lambda: "ready" in process.log.read_text(), 20)
    process.stop(grace=0.2)
    assert process.pid is None


def test_a_recycled_id_is_not_ours(paths: Ground) -> None:
    stranger = subprocess.Popen(SLEEPS)
    try:
        process = Process("ours", SLEEPS, paths.paths)
        identity = {"pid": stranger.pid, "born": "another boot:1"}
        (paths.paths.pids / "ours.json").write_text(json.dumps(identity))
        assert process.pid is None
        process.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_ends_before_it_is_ready_shows_its_last_words(paths: Ground) -> None:
    process = Process("brief", [sys.executable, "-c", "raise SystemExit('no such flag: --x')"], paths.paths)
    process.start()
    with pytest.raises(LabError, match=r"(?s)brief ended before it was ready.*brief\.log.*no such flag: --x"):
        process.wait_until(lambda: False, 20)


def test_what_is_never_ready_is_given_up(paths: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    process = Process("slow", SLEEPS, paths.paths)
    process.start()
    with pytest.raises(LabError, match="slow was not ready after 0 s"):
        process.wait_until(lambda: False, 0.1)


def test_a_missing_program_is_named(paths: Ground) -> None:
    with pytest.raises(LabError, match="nobody: cannot run /no/such/program"):
        Process("nobody", ["/no/such/program"], paths.paths).start()


def test_the_log_before_is_kept_once(paths: Ground) -> None:
    process = Process("talks", ["echo", "hello"], paths.paths)
    for _ in range(3):
        process.start()
        assert wait_gone(lambda: process.pid is None, 10)
    assert process.log.read_text() == "hello\n"
    assert sorted(path.name for path in paths.paths.logs.iterdir()) == ["talks.log", "talks.log.1"]


def test_what_a_crash_leaves_is_found_by_its_mark(paths: Ground) -> None:
    process = Process("parent", WITH_CHILD, paths.paths)
    process.start()
    process.wait_until(lambda: process.log.read_text().endswith("\n"), 20)
    child, parent = int(process.log.read_text()), process.pid
    assert parent is not None
    os.kill(parent, signal.SIGKILL)
    assert (child, paths.paths.state) in set(marked())
    kill_leftovers(paths.paths.state)
    assert born(child) is None


def test_another_lab_is_refused_by_name(paths: Ground, tmp_path: Path) -> None:
    Process("theirs", SLEEPS, paths.paths).start()
    with pytest.raises(
        LabError, match=r"another lab runs on this machine, of .*; stop it: make -C .* lab-down"
    ):
        refuse_another_lab(tmp_path / "mine" / ".lab")
