"""``python -m lab``: what is up stays up, and people are told where everything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.access import Lab
from lab.paths import this_checkout


def run_lab(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=folder or this_checkout().checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def identities(lab: Lab) -> dict[str, str]:
    return {path.name: json.loads(path.read_text())["born"] for path in (lab.state / "pid").glob("*.json")}


@pytest.mark.lab
def test_what_is_up_stays_up(lab: Lab) -> None:
    before, variables = identities(lab), (lab.state / "env").read_text()
    done = run_lab("up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()
    assert all(line.endswith("was up") for line in done.stdout.splitlines()), done.stdout
    assert identities(lab) == before
    assert (lab.state / "env").read_text() == variables


def test_servers_that_say_something_at_once_say_whole_lines() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from lab.__main__ import _say
together = Barrier(12)
def many():
    for _ in range(300):
        together.wait()
        _say("was up")
with ThreadPoolExecutor(12) as all_of_them:
    [all_of_them.submit(many) for _ in range(12)]
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=this_checkout().checkout,
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    assert done.stdout.splitlines() == ["was up"] * 3600


@pytest.mark.lab
def test_status_names_every_server_its_address_and_its_processes(lab: Lab) -> None:
    done = run_lab("status")
    assert done.returncode == 0, done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert {row[0] for row in rows.values()} == {"up"}
    assert rows["airflow"][1] == lab.airflow.url
    assert len(rows["airflow"][2:]) == 5
    assert all(pid.isdigit() for pid in rows["postgres"][2:])


@pytest.mark.lab
def test_a_second_lab_is_refused(lab: Lab, tmp_path: Path) -> None:
    """A copy of the lab's code elsewhere is another checkout's lab."""
    (tmp_path / "lab").symlink_to(this_checkout().checkout / "lab")
    code = "from lab import __main__, paths; import sys, pathlib\n"
    code += "__main__.this_checkout = lambda: paths.paths_of(pathlib.Path.cwd())\nsys.exit(__main__.main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "up", "registry"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    checkout = lab.state.parent
    assert done.returncode == 1
    assert done.stderr == (
        f"lab: another lab runs on this machine, of {checkout}; stop it: make -C {checkout} lab-down\n"
    )
    assert not (tmp_path / ".lab").exists()


@pytest.mark.usefixtures("root")
def test_an_unknown_server_is_refused() -> None:
    done = run_lab("restart", "redis")
    assert done.returncode == 1
    assert done.stderr.startswith("lab: no such server: redis; the lab has postgres, engine,")


@pytest.mark.parametrize(("selected", "code"), [("tests/dags/test_notify.py", 0), ("tests/test_words.py", 1)])
def test_the_lab_is_started_for_tests_that_need_it(selected: str, code: int) -> None:
    asked = [sys.executable, "-m", "tests.needs", selected]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stderr) == (code, "")
