"""Ends parts of the lab's Airflow as a crash does, at a chosen moment, and brings them back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from lab.airflow.server import Airflow
from lab.ground import ground_of
from lab.paths import this_checkout
from lab.process import wait_gone
from lab.roster import servers

VICTIMS = ("scheduler", "host", "supervisor", "task", "triggerer")


@dataclass
class Killing:
    """The lab's Airflow.

    ``scheduler`` is that process alone, whose workers live on; ``host`` is it and all that it started, as a
    machine that goes down; ``supervisor`` is a worker that runs a task, with the task; ``task`` is the task
    alone; ``triggerer`` is it and all that it started.
    """

    airflow: Airflow
    left: list[psutil.Process] = field(default_factory=list)
    """What lives on without its scheduler."""

    @classmethod
    def of_lab(cls) -> Killing:
        every = servers(ground_of(this_checkout()))
        return cls(next(server for server in every if isinstance(server, Airflow)))

    def kill(self, victim: str, task: int) -> None:
        """Kill a victim, and bring back what the lab starts.

        :param task: process id of the task that is at work, for what is a task's.
        """
        if victim in ("task", "supervisor"):
            self._kill_task(task, with_supervisor=victim == "supervisor")
            return
        component = self.airflow.component("triggerer" if victim == "triggerer" else "scheduler")
        assert component.pid, f"{component.name} does not run"
        process = psutil.Process(component.pid)
        started = process.children(recursive=True)
        if victim == "scheduler":
            self.left += started
            started = []
        end([process, *started])
        assert wait_gone(lambda: component.pid is None, 30)
        self.airflow.revive()

    def clear(self) -> None:
        """End what lives on without its scheduler: nobody gives it work any more."""
        end(self.left)

    def _kill_task(self, task: int, *, with_supervisor: bool) -> None:
        with suppress(psutil.NoSuchProcess):  # it was faster
            process = psutil.Process(task)
            supervisor = process.parent()
            end([supervisor, process] if with_supervisor and supervisor else [process])


def end(processes: Iterable[psutil.Process]) -> None:
    """Kill processes, those that another process took the number of excepted."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
