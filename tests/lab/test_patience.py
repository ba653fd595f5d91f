"""One factor stretches every time limit, and who still works is waited for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from lab import command, daemon
from lab.environment import inherited
from lab.ground import Ground
from lab.marked import kill_leftovers
from lab.patience import VARIABLE, Wait, Work, stretched, work_of
from lab.process import Process
from lab.server import LabError


@pytest.fixture(autouse=True)
def _a_machine_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@dataclass
class Machine:
    """A clock, and a server that does ``rate`` seconds of CPU and ``lines`` bytes of log a second."""

    now: float = 0.0
    rate: float = 0.0
    lines: float = 0.0
    until: float = 1e9

    def clock(self) -> float:
        return self.now

    def work(self) -> Work:
        worked = min(self.now, self.until)
        return Work(worked * self.rate, int(worked * self.lines))

    def gives_up_after(self, seconds: float) -> float:
        wait = Wait(seconds, self.work, self.clock)
        while not wait.is_over():
            self.now += 0.5
        return self.now


def test_a_machine_of_today_has_the_plain_limits() -> None:
    assert stretched(30) == 30


@pytest.mark.parametrize(("text", "factor"), [("", 1), ("1", 1), (" 12 ", 12), ("2.5", 2.5)])
def test_the_factor_stretches(monkeypatch: pytest.MonkeyPatch, text: str, factor: float) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert stretched(30) == 30 * factor


@pytest.mark.parametrize("text", ["0.5", "-3", "many", "nan", "inf", "1001"])
def test_a_bad_factor_is_refused_with_the_rule(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(LabError, match=f"{VARIABLE} must be a number from 1 to 1000 .*, not '{text}'"):
        stretched(30)


def test_the_labs_processes_are_as_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "3")
    assert inherited()[VARIABLE] == "3"


def test_programs_and_questions_have_stretched_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "3")
    given: list[float] = []
    monkeypatch.setattr(command.subprocess, "run", lambda *_, timeout, **__: given.append(timeout) or _done())
    monkeypatch.setattr(daemon.httpx, "get", lambda *_, timeout, **__: given.append(timeout) or _Answer())
    command.run(["initdb"], seconds=120)
    daemon.asked("http://127.0.0.1:1/")
    assert given == [360, 30]


def test_who_does_nothing_is_given_up_at_the_limit() -> None:
    assert Machine().gives_up_after(30) == 30


def test_an_idle_server_that_looks_around_is_given_up_at_the_limit() -> None:
    assert Machine(rate=0.02).gives_up_after(30) == 30


@pytest.mark.parametrize("busy", [{"rate": 0.3}, {"lines": 40}])
def test_who_works_is_waited_for_up_to_four_limits(busy: dict[str, float]) -> None:
    assert Machine(**busy).gives_up_after(30) == 120


def test_who_stops_working_is_given_up_soon() -> None:
    assert Machine(rate=0.3, until=50).gives_up_after(30) == 60


def test_the_factor_stretches_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "12")
    assert Machine(rate=0.3).gives_up_after(30) == 1440


def test_the_work_of_children_counts(ground: Ground) -> None:
    """A child works for a while, says so, and sleeps."""
    child = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ntime.sleep(300)"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {child!r}])"
    process = Process("parent", [sys.executable, "-S", "-c", parent], ground.paths)
    process.start()
    try:
        process.wait_until(lambda: process.log.read_text() == "done\n", 30)
        assert process.work().cpu_seconds >= 0.3
        assert process.work().log_bytes == 5
        pid = process.pid
        assert pid is not None
        assert work_of(pid, process.log) == process.work()
    finally:
        process.stop()
        kill_leftovers(ground.paths.state)
    assert process.work() == Work(0, 0)


class _Answer:
    status_code = 200


def _done() -> object:
    return command.subprocess.CompletedProcess([], 0, "", "")
