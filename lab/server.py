"""What every server of the lab is, whatever it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class LabError(Exception):
    """A server cannot be started or stopped: what is missing or failed, and the cure, in one line.

    Further lines may quote the end of the failing program's log.
    """


class Server(Protocol):
    """One server, started by the lab or given by the user."""

    @property
    def name(self) -> str:
        """How people call it on the command line."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the servers that must be up before this one starts."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian packages it needs; none when the user gave the server."""

    @property
    def url(self) -> str:
        """Where it answers, for people."""

    def start(self) -> None:
        """Start it and return when it answers; called only when it is not up.

        :raises LabError: when it does not come up.
        """

    def stop(self) -> None:
        """Stop it and remove what it left outside ``.lab``; a server that is down, or the user's, is left be.

        :raises LabError: when something stays behind.
        """

    def is_up(self) -> bool:
        """Say whether it answers now (asks it; what is down says so at once)."""

    def pids(self) -> tuple[int, ...]:
        """Return the ids of its running processes; none for a server of the user's."""

    def exports(self) -> Mapping[str, str]:
        """Return its variables in ``.lab/env``."""
