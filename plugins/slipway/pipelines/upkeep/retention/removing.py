"""The removal of images, one after the other: each is decided about again, by the state at that time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from slipway.flow.record import SlipwayError
from slipway.flow.retention.plan import ImageRemoval, ImageUses, reason_to_keep, why_running
from slipway.flow.retention.stored import StoredImage, ThingKind
from slipway.pipelines.upkeep.retention.shelves import Shelves, StaysError

log = logging.getLogger(__name__)


@dataclass
class Removing:
    """Removes images, and remembers what must stay because of those that could not be removed.

    :param look: returns what is true for an image now.
    :param at_work: returns which run goes on that made an image, or is about to use it; "" when none does.
    """

    shelves: Shelves
    look: Callable[[StoredImage], ImageUses]
    at_work: Callable[[StoredImage], str]
    gone: int = 0
    troubles: list[str] = field(default_factory=list)
    _needed: set[str] = field(default_factory=set)

    def remove(self, planned: ImageRemoval) -> None:
        """Remove one image; an error is noted, and stops no other."""
        stored = planned.stored
        try:
            self._check(stored)
            self._remove(planned)
        except StaysError as reason:
            log.info("%s stays: %s", stored.title, reason)
            self._needed |= stored.needs
        except SlipwayError as error:
            log.warning("%s is not removed: %s", stored.title, error)
            self.troubles.append(f"{stored.title} is not removed: {error}")
            self._needed |= stored.needs
        else:
            self.gone += 1

    def _check(self, stored: StoredImage) -> None:
        """Decide once more.

        :raises StaysError: when something needs the image.
        """
        if stored.names & self._needed:
            raise StaysError("an image that is built on it could not be removed")
        now = self.shelves.find_again(stored)
        if now is not None and (why := reason_to_keep(now, self.look(stored))):
            raise StaysError(why)
        if run := self.at_work(stored):
            raise StaysError(f"{run} is under way")

    def _remove(self, planned: ImageRemoval) -> None:
        stored, looked = planned.stored, False
        for thing in planned.things:
            if thing.id in self._needed:
                log.info("%s %s stays: another image needs it", thing.kind, thing.id)
                continue
            if thing.kind >= ThingKind.MANIFEST and not looked:
                # By now nothing finds the image any more; what found it before is seen.
                looked = True
                if why := why_running(stored, self.look(stored).running):
                    raise StaysError(f"{why} by now")
            gone = self.shelves.remove(thing)
            log.info("%s %s %s", "removed" if gone else "gone already:", thing.kind, thing.id)
