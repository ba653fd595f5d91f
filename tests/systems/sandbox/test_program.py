"""Programs under the guard: what they print, how they end, and that nothing outlives who started them."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.sandbox import program
from slipway.sandbox.errors import ProgramInterruptedError, ProgramTimeoutError
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import Sandbox

STARTER = """
import sys
from pathlib import Path
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import Sandbox

folder = Path(sys.argv[1])
sandbox = Sandbox(folder=folder, writable=[folder])
with Program(["/bin/sh", "-c", sys.argv[2]], sandbox, 600, float(sys.argv[3])) as running:
    for line in running.lines():
        print(line, flush=True)
"""
NUMBER = "3141592"
"""Seconds that nothing else sleeps: by it a test's processes are found."""


def running(folder: Path, script: str, seconds: float = 60, grace: float = 5) -> Program:
    return Program(["/bin/sh", "-c", script], Sandbox(folder=folder, writable=[folder]), seconds, grace)


def until(true: Callable[[], bool]) -> None:
    for _ in range(6000):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def sleepers(token: str) -> list[int]:
    """The processes of this machine whose command line has ``token``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if token.encode() in words:
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def token(tmp_path: Path) -> str:
    return f"{NUMBER}{abs(hash(str(tmp_path))) % 10**6}"


def test_lines_come_as_they_are_printed_and_the_status_is_the_program_s(tmp_path: Path) -> None:
    with running(tmp_path, "echo one; echo two >&2; printf three; exit 7") as started:
        assert list(started.lines()) == ["one", "two", "three"]
        assert started.wait() == 7


def test_what_is_printed_without_an_end_of_line_comes_at_once(tmp_path: Path) -> None:
    with running(tmp_path, "printf 'login: '; exec sleep 600") as started:
        said = ""
        for piece in started.pieces(idle=0.05):
            said += piece
            if said == "login: ":
                break
        assert said == "login: "


def test_silence_is_told_to_who_asks_for_it(tmp_path: Path) -> None:
    with running(tmp_path, "sleep 600") as started:
        assert next(started.pieces(idle=0.05)) == ""


def test_letters_that_are_cut_in_two_and_bytes_that_are_none_are_read(tmp_path: Path) -> None:
    with running(tmp_path, r"printf '\303'; sleep 0.2; printf '\244 \377\n'") as started:
        assert list(started.lines()) == ["ä \ufffd"]


def test_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    with running(tmp_path, "head -c 300000 /dev/zero | tr '\\0' x") as started:
        lines = list(started.lines())
    assert sum(map(len, lines)) == 300000
    assert max(map(len, lines)) <= 2 * program.LINE_LENGTH


def test_program_that_takes_too_long_is_interrupted_and_may_tidy_up(tmp_path: Path) -> None:
    script = "trap 'echo tidied > tidy; exit 0' INT; echo up; while :; do sleep 0.1; done"
    with (
        pytest.raises(ProgramTimeoutError, match=r"^sh took longer than 1 s and was stopped$"),
        running(tmp_path, script, seconds=1) as started,
    ):
        assert list(started.lines()) == ["up"]
    assert (tmp_path / "tidy").read_text() == "tidied\n"


def test_program_that_ignores_it_is_killed_after_its_grace(tmp_path: Path, token: str) -> None:
    script = f"trap '' INT TERM; echo up; while :; do sleep {token}; done"
    with running(tmp_path, script, grace=0.3) as started:
        assert next(started.lines()) == "up"
        until(lambda: bool(sleepers(token)))
    assert sleepers(token) == []


def test_what_the_program_leaves_running_ends_with_it(tmp_path: Path, token: str) -> None:
    script = f"setsid sleep {token} > /dev/null 2>&1 & echo done"
    with running(tmp_path, script) as started:
        assert list(started.lines()) == ["done"]
        assert started.wait() == 0
    assert sleepers(token) == []


def test_program_that_prints_while_it_tidies_up_is_listened_to(tmp_path: Path) -> None:
    much = "head -c 1000000 /dev/zero | tr '\\0' x"
    script = f"trap '{much}; echo tidied > tidy; exit 0' INT; echo up; while :; do sleep 0.1; done"
    with running(tmp_path, script) as started:
        assert next(started.lines()) == "up"
    assert (tmp_path / "tidy").read_text() == "tidied\n"


def test_task_that_is_asked_to_end_ends_its_programs_and_may_be_tried_again(tmp_path: Path) -> None:
    with running(tmp_path, "echo up; exec sleep 600") as started:
        lines = started.lines()
        assert next(lines) == "up"
        program.interrupt_all()
        with pytest.raises(
            ProgramInterruptedError, match=r"^sh was stopped, because this task was asked to stop$"
        ):
            list(lines)


def start(folder: Path, script: str, grace: float = 5) -> subprocess.Popen[str]:
    """Start a process that runs ``script`` as a program."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), script, str(grace)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[2])},
    )


def test_starter_that_is_killed_takes_the_program_with_it_after_it_tidied_up(
    tmp_path: Path, token: str
) -> None:
    script = f"trap 'echo tidied > tidy; exit 0' INT; sleep {token} & echo up; while :; do sleep 0.1; done"
    starter = start(tmp_path, script)
    assert starter.stdout is not None
    assert starter.stdout.readline() == "up\n"
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until((tmp_path / "tidy").exists)
    until(lambda: not sleepers(token))


def test_program_of_a_killed_starter_that_ignores_it_is_killed(tmp_path: Path, token: str) -> None:
    starter = start(tmp_path, f"trap '' INT TERM; echo up; while :; do sleep {token}; done", grace=0.3)
    assert starter.stdout is not None
    assert starter.stdout.readline() == "up\n"
    until(lambda: bool(sleepers(token)))
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until(lambda: not sleepers(token))


def test_guard_that_is_killed_takes_the_program_with_it(tmp_path: Path, token: str) -> None:
    with running(tmp_path, f"setsid sleep {token} & echo up; wait") as started:
        assert next(started.lines()) == "up"
        until(lambda: bool(sleepers(token)))
        assert started._process is not None
        started._process.kill()
        until(lambda: not sleepers(token))


def test_descriptor_that_a_program_holds_is_open_until_nothing_of_it_is_left(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        sandbox = Sandbox(folder=tmp_path, readable=[tmp_path])
        script = "trap 'sleep 0.3; exit 0' INT; echo up; while :; do sleep 0.1; done"
        held = Program(["/bin/sh", "-c", script], sandbox, 60, 5, [mine.fileno()])
        with held as started:
            assert next(started.lines()) == "up"
            started.interrupt()
            mine.close()
            with lock.open("w") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with lock.open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
