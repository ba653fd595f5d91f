"""Loopback ports: chosen once, then kept, so that URLs stay what they were."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from lab.server import LabError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The ports of one lab, kept in a JSON file (``{"airflow": 8080, ...}``)."""

    path: Path
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def get(self, name: str, preferred: int) -> int:
        """Return the port kept for ``name``; at first ask ``preferred``, or the next free one after it.

        :raises LabError: when no port of the 200 after ``preferred`` is free.
        """
        with self._lock:
            kept: dict[str, int] = json.loads(self.path.read_text()) if self.path.exists() else {}
            if name not in kept:
                kept[name] = _first_free(name, preferred, set(kept.values()))
                self._keep(kept)
            return kept[name]

    def _keep(self, ports: dict[str, int]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(ports, indent=1, sort_keys=True))
        aside.rename(self.path)


def _first_free(name: str, preferred: int, taken: set[int]) -> int:
    for port in range(preferred, min(preferred + 200, 65536)):
        if port not in taken and is_free(port):
            return port
    raise LabError(
        f"{name}: no free loopback port from {preferred} to {preferred + 199}; stop the programs that use "
        "them"
    )


def is_free(port: int) -> bool:
    """Say whether ``port`` is free, on loopback and on all addresses."""
    for address in (HOST, "0.0.0.0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
