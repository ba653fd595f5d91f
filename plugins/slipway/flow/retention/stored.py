"""An image as it is kept: its bytes in every store, and what refers to them."""

from __future__ import annotations

from enum import IntEnum

from pydantic import AwareDatetime

from slipway.flow.platforms import Platform
from slipway.flow.record import Record


class ThingKind(IntEnum):
    """What a thing is. The value is its turn: whoever refers goes before what it refers to."""

    COMMIT_RECORD = 0
    TAG = 1
    INPUTS_RECORD = 2
    MANIFEST = 3
    GLANCE_IMAGE = 4
    GLANCE_PART = 5
    """A kernel or a ramdisk."""
    FILE = 6

    def __str__(self) -> str:
        """For people."""
        return {
            ThingKind.GLANCE_IMAGE: "Glance image",
            ThingKind.GLANCE_PART: "Glance kernel or ramdisk",
        }.get(self, self.name.lower().replace("_", " "))


class Thing(Record):
    """One thing in one store."""

    kind: ThingKind
    id: str
    """Where it is: a path of files, ``repository:tag``, ``repository@digest``, or an id of Glance's."""
    store: str = ""
    """Connection of the cloud whose Glance has it; every other store is there once."""
    digest: str = ""
    """Of its bytes (a tag's: of what it names): with others it is not the thing that was found."""
    size: int = 0
    """Bytes."""


class StoredImage(Record):
    """One image of one application."""

    platform: Platform
    place: str
    """Where the image registry has it: ``KEY/TENANT/APPLICATION``, and the platform for files."""
    application: str
    repository: str
    """Whose it is, as owner/name; empty when nothing says so."""
    digest: str
    """Of its bytes, for people; empty when they are gone."""
    names: frozenset[str]
    """By which it is run, or built upon: digests, ids of Glance, ``repository:tag``."""
    commits: tuple[str, ...] = ()
    """That are looked for under their names and lead here, the newest first."""
    made: AwareDatetime
    """When the newest of its things came."""
    hold: str = ""
    """Why it must not go, said by a person at one of its copies."""
    needs: frozenset[str] = frozenset()
    """Names of images that it was built upon, and ids of things that it cannot do without."""
    things: tuple[Thing, ...]

    @property
    def size(self) -> int:
        """Bytes in all stores together."""
        return sum(thing.size for thing in self.things)

    @property
    def title(self) -> str:
        """For people: application, platform, and which one."""
        which = self.commits[0][:12] if self.commits else "no commit"
        return f"{self.application} {self.platform} {which} ({self.digest[:19] or 'no bytes'})"
