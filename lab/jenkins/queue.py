"""The queue: what was asked for and has not begun.

https://javadoc.jenkins.io/hudson/model/Queue.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from lab.jenkins.home import Home

LEFT_SECONDS = 300.0
"""How long an item that left can still be asked for."""


def now() -> int:
    """Return the time, in milliseconds since 1970."""
    return int(time.time() * 1000)


@dataclass
class Item:
    """One request for a build."""

    id: int
    job: str
    parameters: dict[str, str]
    user: str
    since: int
    until: int
    """End of its quiet period."""
    number: int | None = None
    """Of the build that it became."""
    cancelled: bool = False
    left: int | None = None
    """When it left the queue."""

    @property
    def waits(self) -> bool:
        """Whether it is still in the queue."""
        return self.left is None


class Queue:
    """Items in their order; those that wait outlive a restart, those that left do not."""

    def __init__(self, home: Home) -> None:
        self._home = home
        kept = home.read_queue()
        self._items = [Item(**item) for item in kept["items"]]
        self._last: int = kept["last"]

    def __iter__(self) -> Iterator[Item]:
        return iter([item for item in self._items if item.waits])

    def find(self, number: int) -> Item | None:
        """Return an item that waits, or left not long ago."""
        self._items = [item for item in self._items if item.left is None or _is_recent(item.left)]
        return next((item for item in self._items if item.id == number), None)

    def add(self, job: str, parameters: dict[str, str], user: str, quiet_seconds: float) -> Item:
        """Queue a build of ``job``; an item that asks for the same is the same."""
        for item in self:
            if (item.job, item.parameters) == (job, parameters):
                return item
        self._last += 1
        item = Item(self._last, job, parameters, user, now(), now() + int(quiet_seconds * 1000))
        self._items.append(item)
        self._write()
        return item

    def leave(self, item: Item, number: int | None) -> None:
        """Take an item out: it became a build, or was cancelled."""
        item.number, item.cancelled, item.left = number, number is None, now()
        self._write()

    def forget(self, jobs: Iterable[str] = ()) -> None:
        """Forget what left, as a restart does, and what waits for jobs that are gone."""
        gone = set(jobs)
        self._items = [item for item in self if item.job not in gone]
        self._write()

    def _write(self) -> None:
        self._home.write_queue({"last": self._last, "items": [asdict(item) for item in self]})


def _is_recent(left: int) -> bool:
    return now() - left < LEFT_SECONDS * 1000
