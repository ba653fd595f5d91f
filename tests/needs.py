"""What tests need beside Python: the lab, root, or patience. ``make test-unit`` takes those that need none.

The first two are read from a test's fixtures, and hold: who asks for what was not marked is failed. Patience
is what costs seconds of CPU; ``make test-unit`` names those that do and are not marked ``slow``.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import redirect_stdout
from io import StringIO

import pytest

from tests.costs import own_cpu

FIXTURES = ("lab", "root")
NEEDS = (*FIXTURES, "slow", "alone", "release")
"""Markers, in the order in which one is given as a reason."""
UNIT = " and ".join(f"not {need}" for need in NEEDS)
MUCH_SECONDS = 8.0
"""Of CPU, for one test of ``make test-unit``, without its fixtures."""
_LEFT_OUT, _MUCH = "left_out", "much"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark what reaches the lab, or what only root may do, by its fixtures."""
    for item in items:
        for need in FIXTURES:
            if need in getattr(item, "fixturenames", ()):
                item.add_marker(need)


def is_unit(config: pytest.Config) -> bool:
    """Say whether this is a run of ``make test-unit``."""
    return str(config.option.markexpr) == UNIT


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    """Count what is left out, by its first reason."""
    for item in items:
        reasons = [need for need in NEEDS if item.get_closest_marker(need)]
        if reasons and is_unit(item.config):
            _notes(item.config)[_LEFT_OUT].append(reasons[0])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """See what a test of ``make test-unit`` costs."""
    before = own_cpu()
    yield
    if is_unit(item.config) and own_cpu() - before > MUCH_SECONDS:
        _notes(item.config)[_MUCH].append(item.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of pytest-xdist saw to the process that started it."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output.update(_notes(session.config))


def pytest_testnodedown(node: object) -> None:
    """Take what a worker saw: all of them leave out the same."""
    config, seen = node.config, getattr(node, "workeroutput", None) or {}  # type: ignore[attr-defined]
    _notes(config)[_LEFT_OUT] = seen.get(_LEFT_OUT, []) or _notes(config)[_LEFT_OUT]
    _notes(config)[_MUCH] += seen.get(_MUCH, [])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the last line what ``make test-unit`` left out."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput") or not is_unit(config):
        return
    notes = _notes(config)
    for name in notes[_MUCH]:
        reporter.write_line(f"{name} took over {MUCH_SECONDS:g} s of CPU: mark it slow, or make it cheaper")
    if notes[_LEFT_OUT]:
        reporter.write_line(_summary(Counter(notes[_LEFT_OUT])))


def _summary(left: Counter[str]) -> str:
    said = ", ".join(f"{left[need]} {need}" for need in NEEDS if left[need])
    return f"left out: {left.total()} tests ({said}); `make test` runs them all but `release`"


def _notes(config: pytest.Config) -> dict[str, list[str]]:
    return config.stash.setdefault(_KEY, {_LEFT_OUT: [], _MUCH: []})


_KEY = pytest.StashKey[dict[str, list[str]]]()


def require_root() -> None:
    """Fail the test, with one line, when it is not root that runs it."""
    if os.geteuid() != 0:
        pytest.fail("only root may do this: `sudo make test`; `make test-unit` leaves it out", pytrace=False)


def require_lab_in(config: pytest.Config) -> None:
    """Fail the test when it asks for the lab in the middle of a run without one."""
    if is_unit(config):
        pytest.fail("this test reaches the lab without a fixture that says so: mark it lab", pytrace=False)


class _Selected:
    """Sees whether one of the tests that are selected needs the lab."""

    needs_lab = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: Iterable[pytest.Item]) -> None:
        """Look at what is left after all that deselects."""
        self.needs_lab = any(item.get_closest_marker("lab") for item in items)


def main(arguments: list[str]) -> int:
    """Return 0 when a selection needs the lab, 1 when it does not, or when it cannot be collected."""
    selected = _Selected()
    options = ["--collect-only", "-p", "no:cacheprovider", "-m", "not release"]
    with redirect_stdout(StringIO()):
        pytest.main([*options, *arguments], plugins=[selected])
    return int(not selected.needs_lab)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
