"""Starts and stops servers in the order of their needs, those that do not need each other at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from lab.server import LabError, Server

Work = Callable[[Server], None]


def with_needs(servers: Sequence[Server], names: Sequence[str]) -> list[Server]:
    """Return the servers called ``names`` and all they need; every server when ``names`` is empty.

    :raises LabError: when there is no such server.
    """
    known = {server.name: server for server in servers}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no such server: {', '.join(unknown)}; the lab has {', '.join(known)}")
    wanted = set[str]()
    waiting = list(names) or list(known)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(known[name].needs)
    return [server for server in servers if server.name in wanted]


def with_dependents(servers: Sequence[Server], names: Sequence[str]) -> list[Server]:
    """Return the servers called ``names`` and all that need one of them.

    :raises LabError: when there is no such server.
    """
    wanted = set(names)
    with_needs(servers, names)
    return [s for s in servers if wanted & {need.name for need in with_needs(servers, [s.name])}]


def upwards(servers: Sequence[Server], work: Work) -> list[LabError]:
    """Do ``work`` for every server after those it needs; return what failed.

    What needs a server that failed is left out; all else goes on.
    """
    names = {server.name for server in servers}
    return _walk(servers, {s.name: [need for need in s.needs if need in names] for s in servers}, work)


def downwards(servers: Sequence[Server], work: Work) -> list[LabError]:
    """Do ``work`` for every server before those it needs; return what failed, none is left out."""
    failures: list[LabError] = []

    def guarded(server: Server) -> None:
        try:
            work(server)
        except LabError as error:
            failures.append(error)

    _walk(servers, {s.name: [o.name for o in servers if s.name in o.needs] for s in servers}, guarded)
    return failures


def _walk(servers: Sequence[Server], after: Mapping[str, Sequence[str]], work: Work) -> list[LabError]:
    known = {server.name: server for server in servers}
    graph = TopologicalSorter(after)
    graph.prepare()
    failures: list[LabError] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(max_workers=max(len(servers), 1)) as pool:
        while graph.is_active():
            running |= {pool.submit(work, known[name]): name for name in graph.get_ready()}
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                error = future.exception()
                if error is None:
                    graph.done(name)
                elif isinstance(error, LabError):
                    failures.append(error)
                else:
                    raise error
    return failures
