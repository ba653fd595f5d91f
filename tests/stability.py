"""All tests in random order beside a load on every core, several times: ``make test-stability``.

    python -m tests.stability --rounds 3 --seed 4711 -- tests/flow

Tests of a group stay together (tests/groups.py), files and the tests of a file change places. The first round
that fails ends it, with the command that repeats it.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_PDEATHSIG = 1
NOTHING_SELECTED = 5
"""What pytest ends with when no test was selected."""
RUNS = (
    (
        "-n",
        str((os.cpu_count() or 1) + 1),
        "--dist",
        "loadscope",
        "--no-loadscope-reorder",
        "-m",
        "not alone and not release",
    ),
    ("-m", "alone and not release"),
)
RANDOM = ("--random-order-bucket=module", "--durations=10")


def main(arguments: list[str]) -> int:
    """Run the rounds; returns the status of the first that failed, or 0."""
    parser = argparse.ArgumentParser(prog="tests.stability")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, help="of the first round; the next ones follow from it")
    parser.add_argument("--no-load", action="store_true")
    parser.add_argument("selection", nargs="*")
    options = parser.parse_args(arguments)
    first = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    for number in range(options.rounds):
        seed = first + number
        print(f"round {number + 1} of {options.rounds}: seed {seed}", flush=True)
        begun = time.monotonic()
        with load(0 if options.no_load else os.cpu_count() or 1):
            status = one_round(seed, options.selection)
        colour, seconds = "red" if status else "green", time.monotonic() - begun
        print(f"round {number + 1} of {options.rounds}: seed {seed}: {colour}, {seconds:.0f} s", flush=True)
        if status:
            print(_cure(seed, options.selection), flush=True)
            return status
    return 0


def one_round(seed: int, selection: list[str]) -> int:
    """Run the selected tests once, in the order of ``seed``; returns pytest's status."""
    statuses = []
    for run in RUNS:
        command = [sys.executable, "-m", "pytest", *run, *RANDOM, f"--random-order-seed={seed}", *selection]
        statuses.append(subprocess.run(command, check=False).returncode)
    if set(statuses) == {NOTHING_SELECTED}:
        return NOTHING_SELECTED
    return next((status for status in statuses if status not in (0, NOTHING_SELECTED)), 0)


@contextmanager
def load(cores: int) -> Iterator[None]:
    """Keep so many cores busy, as long as this process lives."""
    busy = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"], preexec_fn=_end_with_the_starter)
        for _ in range(cores)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _end_with_the_starter() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _cure(seed: int, selection: list[str]) -> str:
    asked = f' ARGS="{" ".join(selection)}"' if selection else ""
    return (
        f"repeat it: make test-stability ROUNDS=1 SEED={seed}{asked}\n"
        "One test alone: make test ARGS=TEST. If it passes alone, it takes something over from another test, "
        "or counts on the machine's speed."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
