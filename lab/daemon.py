"""A server that is one process, and says by an answer over HTTP that it is up."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod

import httpx

from lab.patience import stretched
from lab.process import Process

PATIENCE_SECONDS = 10
"""A server that is down refuses at once; one on a busy machine may take its time."""


class Daemon(ABC):
    """What such servers have in common; a subclass says what it runs, and by what it is known to be up."""

    ready_seconds = 30

    @property
    @abstractmethod
    def process(self) -> Process:
        """What runs."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether it answers."""

    def start(self) -> None:
        """Start it and return when it answers."""
        process = self.process
        process.start()
        process.wait_until(self.answers, self.ready_seconds)

    def stop(self) -> None:
        """Stop it; what it keeps goes with ``.lab``."""
        self.process.stop()

    def is_up(self) -> bool:
        """Say whether it answers."""
        return self.answers()

    def pids(self) -> tuple[int, ...]:
        """Return its process's id while it runs."""
        pid = self.process.pid
        return () if pid is None else (pid,)


def asked(
    url: str,
    login: tuple[str, str] | None = None,
    authority: ssl.SSLContext | None = None,
    statuses: tuple[int, ...] = (200,),
) -> httpx.Response | None:
    """Return the answer to a GET when it has one of ``statuses``, else None.

    A proxy of the environment is not asked.
    """
    try:
        answer = httpx.get(
            url, auth=login, verify=authority or False, timeout=stretched(PATIENCE_SECONDS), trust_env=False
        )
    except httpx.HTTPError:
        return None
    return answer if answer.status_code in statuses else None
