"""Servers start after what they need, stop before it, and a failure stops only what stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event

import pytest

from lab.order import downwards, upwards, with_dependents, with_needs
from lab.server import LabError, Server


@dataclass(frozen=True)
class Plain:
    """A server that is nothing but its place in the order."""

    name: str
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    url: str = ""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def is_up(self) -> bool:
        return False

    def pids(self) -> tuple[int, ...]:
        return ()

    def exports(self) -> Mapping[str, str]:
        return {}


SERVERS: list[Server] = [
    Plain("airflow", ("postgres",)),
    Plain("kubernetes", ("engine", "registry")),
    Plain("postgres"),
    Plain("engine"),
    Plain("registry"),
]


def test_needs_come_first() -> None:
    started: list[str] = []
    assert upwards(SERVERS, lambda server: started.append(server.name)) == []
    assert started.index("postgres") < started.index("airflow")
    assert max(started.index("engine"), started.index("registry")) < started.index("kubernetes")
    assert sorted(started) == sorted(server.name for server in SERVERS)


def test_what_is_needed_stops_last() -> None:
    stopped: list[str] = []
    assert downwards(SERVERS, lambda server: stopped.append(server.name)) == []
    assert stopped.index("airflow") < stopped.index("postgres")
    assert stopped.index("kubernetes") < min(stopped.index("engine"), stopped.index("registry"))


def test_independent_servers_start_at_once() -> None:
    engine, registry = Event(), Event()

    def work(server: Server) -> None:
        if server.name == "engine":
            engine.set()
            assert registry.wait(10)
        if server.name == "registry":
            registry.set()
            assert engine.wait(10)

    assert upwards(SERVERS, work) == []


def test_a_failure_stops_only_what_needs_it() -> None:
    started: list[str] = []

    def work(server: Server) -> None:
        if server.name == "engine":
            raise LabError("no engine")
        started.append(server.name)

    assert [str(failure) for failure in upwards(SERVERS, work)] == ["no engine"]
    assert sorted(started) == ["airflow", "postgres", "registry"]


def test_stopping_goes_on_after_a_failure() -> None:
    stopped: list[str] = []

    def work(server: Server) -> None:
        stopped.append(server.name)
        if server.name == "kubernetes":
            raise LabError("a mount is busy")

    assert [str(failure) for failure in downwards(SERVERS, work)] == ["a mount is busy"]
    assert len(stopped) == len(SERVERS)


def test_a_name_brings_its_needs() -> None:
    assert [server.name for server in with_needs(SERVERS, ["kubernetes"])] == [
        "kubernetes",
        "engine",
        "registry",
    ]
    assert with_needs(SERVERS, []) == SERVERS


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError, match="no such server: redis; the lab has airflow, kubernetes"):
        with_needs(SERVERS, ["redis"])


def test_a_restart_takes_along_what_needs_the_restarted() -> None:
    assert [server.name for server in with_dependents(SERVERS, ["registry"])] == ["kubernetes", "registry"]
    assert [server.name for server in with_dependents(SERVERS, ["airflow"])] == ["airflow"]
