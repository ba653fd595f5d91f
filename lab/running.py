"""What ``up``, ``down``, ``status`` and ``restart`` do."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from lab import debian, environment
from lab.ground import Ground
from lab.host import codename, require_root
from lab.kubernetes.traces import unmount_below
from lab.kubernetes.versions import KubernetesVersion, choose_version
from lab.marked import kill_leftovers, refuse_another_lab
from lab.order import downwards, upwards, with_dependents, with_needs
from lab.patience import patience
from lab.profile import Profile, choose
from lab.roster import servers
from lab.server import LabError, Server

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """The servers of one lab, and someone to tell about them."""

    ground: Ground
    say: Say
    _env: Lock = field(default_factory=Lock, repr=False)

    def up(
        self,
        names: Sequence[str],
        profile: Profile | None = None,
        kubernetes: KubernetesVersion | None = None,
    ) -> None:
        """Start the servers called ``names`` and what they need (all, when there are none).

        :param profile: what the lab shall have from now on, besides what it has.
        :param kubernetes: the version of its node; a node that has run keeps its own.
        :raises LabError: when something did not start; what does not need it is up.
        """
        require_root()
        codename()
        patience()
        paths = self.ground.paths
        with self._alone():
            refuse_another_lab(paths.state)
            paths.make()
            choose(paths, profile)
            choose_version(paths, kubernetes)
            chosen = with_needs(servers(self.ground), names)
            self._install([server for server in chosen if not server.is_up()])
            _raise(upwards(chosen, self._start))

    def restart(self, names: Sequence[str]) -> None:
        """Stop the servers called ``names`` and those that need them, then start these again.

        :raises LabError: when one does not come up again.
        """
        require_root()
        with self._alone():
            stopped = with_dependents(servers(self.ground), names)
            _raise(downwards(stopped, self._stop))
            _raise(upwards(stopped, self._start))

    def down(self) -> None:
        """Stop everything and remove all state; the caches outside of the checkout stay.

        :raises LabError: when something stays behind; the state is kept then, for another try.
        """
        require_root()
        paths = self.ground.paths
        with self._alone():
            if not paths.state.exists():
                self.say("the lab is not up")
                return
            _raise(downwards(servers(self.ground), self._stop))
            kill_leftovers(paths.state)
            unmount_below(paths.state)
            for folder in (paths.sockets, paths.outside, paths.state):
                shutil.rmtree(folder, ignore_errors=True)
            if paths.state.exists():
                raise LabError(
                    f"{paths.state} cannot be removed completely; find out what uses it: fuser -vm "
                    f"{paths.state}"
                )

    def status(self) -> bool:
        """Say of each server whether it is up, where, and in which processes; return whether all are."""
        if not self.ground.paths.state.exists():
            self.say("the lab is not up; start it: make lab-up")
            return False
        every = servers(self.ground)
        with ThreadPoolExecutor(len(every)) as pool:
            states = list(pool.map(lambda server: server.is_up(), every))
        for server, up in zip(every, states, strict=True):
            pids = " ".join(map(str, server.pids()))
            self.say(f"{server.name:<12} {'up' if up else 'DOWN':<5} {server.url:<52} {pids}".rstrip())
        return all(states)

    def _install(self, needing: Sequence[Server]) -> None:
        begun = time.monotonic()
        missing = debian.missing(package for server in needing for package in server.packages)
        if missing:
            self.say(f"installing with apt: {' '.join(missing)}")
            debian.install(missing, self.ground.paths.logs / "apt.log")
            self.say(_line("packages", f"{len(missing)} installed", begun))

    def _start(self, server: Server) -> None:
        begun = time.monotonic()
        if server.is_up():
            self.say(f"{server.name:<12} {server.url:<52} was up")
        else:
            server.start()
            self.say(_line(server.name, server.url, begun))
        with self._env:
            path = self.ground.paths.environment
            environment.write(path, environment.read(path) | dict(server.exports()))

    def _stop(self, server: Server) -> None:
        begun = time.monotonic()
        server.stop()
        self.say(_line(server.name, "stopped", begun))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        checkout = os.open(self.ground.paths.checkout, os.O_RDONLY)
        try:
            try:
                fcntl.flock(checkout, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("waiting for another command that starts or stops this lab")
                fcntl.flock(checkout, fcntl.LOCK_EX)
            yield
        finally:
            os.close(checkout)


def _line(name: str, what: str, begun: float) -> str:
    return f"{name:<12} {what:<52} {time.monotonic() - begun:5.1f} s"


def _raise(failures: Sequence[LabError]) -> None:
    if failures:
        raise LabError("\n".join(str(failure) for failure in failures))
