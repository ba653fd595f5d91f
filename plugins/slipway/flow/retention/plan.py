"""Which images go, and in which order: what refers to something always goes before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slipway.flow.apps import Apps
from slipway.flow.platforms import Platform
from slipway.flow.record import Record
from slipway.flow.retention.promises import Promises
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind

NOT_ASKED_FOR = "its repository was not selected for this run"


@dataclass(frozen=True)
class ImageUses:
    """The uses of images."""

    now: datetime
    apps: Apps
    running: Mapping[str, str]
    """What runs an image, for people, by a name of the image, or of an application any image of which may."""
    promised: Promises
    unseen: Mapping[Platform, str]
    """Why it is unknown what runs on a platform."""
    only: frozenset[str] = frozenset()
    """Repositories, in lower case, whose images may go; those of all when it is empty."""


class ImageVerdict(Record):
    """The decision about an image, with its reason."""

    stored: StoredImage
    keep: bool
    reason: str


class ImageRemoval(Record):
    """An image that goes, with those of its things that no other needs, in their order."""

    stored: StoredImage
    things: tuple[Thing, ...]


def judge(found: Sequence[StoredImage], facts: ImageUses) -> list[ImageVerdict]:
    """Decide about each image; the verdicts are in the order of ``found``."""
    kept = {number: why for number, one in enumerate(found) if (why := reason_to_keep(one, facts))}
    while based := dict(_bases(found, kept)):  # a base is itself built upon others
        kept |= based
    return [
        ImageVerdict(stored=one, keep=number in kept, reason=kept.get(number) or _reason_to_go(one, facts))
        for number, one in enumerate(found)
    ]


def reason_to_keep(one: StoredImage, facts: ImageUses) -> str:
    """Return why an image stays, without a look at the others; "" when nothing speaks for it."""
    application = facts.apps.find(one.repository) if one.repository else None
    if application is None:
        return f"{one.repository} is not in apps.yaml" if one.repository else "its repository is unknown"
    repository = facts.apps.present_name(one.repository).casefold()
    if facts.only and repository not in facts.only:
        return NOT_ASKED_FOR
    if one.hold:
        return f"held: {one.hold}"
    if runs := why_running(one, facts.running):
        return runs
    if one.platform in facts.unseen:
        return f"what runs is unknown: {facts.unseen[one.platform]}"
    for commit in one.commits:
        if why := facts.promised.get((repository, commit)):
            return why
    days = application.retention.days
    return f"younger than {days} days" if facts.now - one.made < timedelta(days=days) else ""


def why_running(one: StoredImage, running: Mapping[str, str]) -> str:
    """Return what runs an image, for people; "" when nothing does."""
    names = {*one.names, one.application, *(thing.id for thing in one.things)}
    return next((running[name] for name in sorted(names & running.keys())), "")


def removals(verdicts: Sequence[ImageVerdict]) -> list[ImageRemoval]:
    """Return what goes: an image before those that it was built upon, a thing with the last that needs it.

    What is needed in a circle stays.
    """
    going = [one.stored for one in verdicts if not one.keep]
    needed = Counter(name for one in verdicts for name in one.stored.needs)
    planned: list[ImageRemoval] = []
    waiting: dict[str, Thing] = {}
    while ready := [one for one in going if not any(needed[name] for name in one.names)]:
        going = [one for one in going if any(needed[name] for name in one.names)]
        for one in ready:
            needed.subtract(one.needs)
            things = [*one.things, *(waiting.pop(name) for name in sorted(one.needs) if name in waiting)]
            waiting |= {thing.id: thing for thing in things if needed[thing.id]}
            gone = sorted((thing for thing in things if not needed[thing.id]), key=turn)
            planned.append(ImageRemoval(stored=one, things=tuple(gone)))
    return planned


def turn(thing: Thing) -> tuple[ThingKind, str]:
    """Return by what things are put in order."""
    return thing.kind, thing.id


def _bases(found: Sequence[StoredImage], kept: Mapping[int, str]) -> Iterable[tuple[int, str]]:
    needed = {name: found[number].title for number in kept for name in found[number].needs}
    for number, one in enumerate(found):
        if number not in kept and (users := sorted(needed[name] for name in one.names & needed.keys())):
            yield number, f"{users[0]} was built upon it"


def _reason_to_go(one: StoredImage, facts: ImageUses) -> str:
    return f"{(facts.now - one.made).days} days old, and not needed"
