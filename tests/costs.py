"""What the tests cost: ``--costs FILE`` writes what each test and each server took.

A test's own CPU is its process's and that of the programs that it ran and waited for. What it has servers do
is in the servers' figures: several tests ask them at once, so that nobody can tell whose it was.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from lab.paths import this_checkout

TICKS = os.sysconf("SC_CLK_TCK")
NAME = "costs"


@dataclass(frozen=True)
class Cost:
    """Of one test, with its fixtures, in seconds."""

    test: str
    seconds: float
    cpu: float


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--costs``."""
    parser.addoption("--costs", metavar="FILE", help="write what each test and each server costs (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    """Measure here when asked to, and in each worker of pytest-xdist."""
    if config.getoption("costs"):
        config.pluginmanager.register(Measuring())
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Writing(Path(config.getoption("costs")), this_checkout().pids))


class Measuring:
    """Has each test carry the CPU that it took, in its last report."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Note the CPU before."""
        self.before = own_cpu()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Note what was added."""
        try:
            return (yield)
        finally:
            item.user_properties.append((NAME, own_cpu() - self.before))


class Writing:
    """Adds up the reports, and writes the file in the end."""

    def __init__(self, target: Path, pids: Path) -> None:
        """Write to ``target`` what the servers cost whose processes ``pids`` names."""
        self.target, self.pids = target, pids
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.before = servers_cpu(pids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of a test."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        for name, value in report.user_properties:
            if name == NAME and report.when == "teardown":
                self.cpu[report.nodeid] = float(str(value))

    def pytest_sessionfinish(self) -> None:
        """Write everything, the dearest first."""
        after = servers_cpu(self.pids)
        servers = {name: round(after[name] - self.before.get(name, 0), 1) for name in after}
        costs = [
            Cost(test, round(seconds, 2), round(self.cpu.get(test, 0), 2))
            for test, seconds in self.seconds.items()
        ]
        document = {
            "tests": [asdict(one) for one in sorted(costs, key=lambda one: -one.seconds)],
            "servers": dict(sorted(servers.items(), key=lambda one: -one[1])),
        }
        self.target.write_text(json.dumps(document, indent=1))


def own_cpu() -> float:
    """Return the seconds of CPU of this process and of the children that it waited for."""
    return sum(
        one.ru_utime + one.ru_stime
        for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def servers_cpu(pids: Path) -> dict[str, float]:
    """Return the seconds of CPU of each of the lab's processes, its children with it, living and ended.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    names = {json.loads(path.read_text())["pid"]: path.stem for path in pids.glob("*.json")}
    parents, cpu = _processes()
    found = dict.fromkeys(names.values(), 0.0)
    for pid, seconds in cpu.items():
        owner = _owner(pid, parents, names)
        if owner:
            found[owner] += seconds
    return found


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    parents, cpu = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        parents[int(folder.name)] = int(fields[1])
        cpu[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
    return parents, cpu


def _owner(pid: int, parents: Mapping[int, int], names: Mapping[int, str]) -> str | None:
    while pid in parents and pid not in names:
        pid = parents[pid]
    return names.get(pid)
