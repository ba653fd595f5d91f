"""A build's folder belongs to one try at a time, whoever dies."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from slipway.sandbox import occupied as module
from slipway.sandbox.errors import OccupiedError
from slipway.sandbox.occupied import occupied


def test_folder_is_free_again_and_its_lock_is_gone(tmp_path: Path) -> None:
    for _ in range(2):
        with occupied(tmp_path / "builds" / "one"):
            assert os.listdir(tmp_path / "builds") == ["one.lock"]
        assert os.listdir(tmp_path / "builds") == []


def test_folder_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), occupied(tmp_path / "one"):
        raise ZeroDivisionError
    with occupied(tmp_path / "one"):
        pass


def test_try_that_is_not_over_keeps_the_next_one_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    with (
        occupied(tmp_path / "one"),
        pytest.raises(OccupiedError, match="an earlier try of one is still cleaning up on this worker"),
        occupied(tmp_path / "one"),
    ):
        pass


def test_who_inherited_the_descriptor_keeps_the_next_try_out_though_the_first_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "one.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[held.fileno()])
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    with pytest.raises(OccupiedError), occupied(tmp_path / "one"):
        pass
    child.communicate()
    with occupied(tmp_path / "one"):
        pass


def test_of_many_that_wait_one_at_a_time_has_it(tmp_path: Path) -> None:
    inside, most, errors = [0], [0], []

    def build() -> None:
        try:
            with occupied(tmp_path / "one"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                (tmp_path / "made").touch()
                (tmp_path / "made").unlink()
                inside[0] -= 1
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, errors) == ([1], [])
