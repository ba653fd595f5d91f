"""A world of images, releases and what runs, for tests of what stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import strategies as st

from slipway.flow.apps import Apps
from slipway.flow.history import AppEnvironment, Past, reachable
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.retention.plan import ImageUses
from slipway.flow.retention.promises import KeptPlace, Promises, promises, rules
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind
from tests.flow.builders import NOON

REPOSITORY = "acme/shop"
COMMITS = [f"{number:040x}" for number in range(9)]
PLATFORMS: tuple[Platform, ...] = ("container", "vm", "bare_metal")


@dataclass(frozen=True)
class World:
    """What is there, what happened, and what is true now."""

    images: tuple[StoredImage, ...]
    history: dict[AppEnvironment, list[Past]]
    apps: Apps
    running: dict[str, str]

    @property
    def facts(self) -> ImageUses:
        return ImageUses(NOON, self.apps, self.running, promised(self.history, self.apps), {})

    def good(self, environment: str) -> int:
        return self.apps.get(REPOSITORY).retention_of(environment).good


def apps(good: int = 2, days: int = 30, staging: int | None = None) -> Apps:
    environments = {
        "production": {"refs": ["refs/heads/main"], "namespace": "shop"},
        "staging": {
            "refs": ["refs/heads/staging"],
            "namespace": "shop-staging",
            "retention": {"good": staging} if staging else None,
        },
    }
    shop = {"tenant": "acme", "environments": environments, "retention": {"good": good, "days": days}}
    return Apps.from_json({"version": 1, "applications": {REPOSITORY: shop}})


def image(
    number: int,
    commits: Iterable[str] = (),
    platform: Platform = "container",
    days: float = 100,
    hold: str = "",
    needs: Iterable[str] = (),
) -> StoredImage:
    """An image that is whole, with all that belongs to one of its platform."""
    digest = f"sha256:{number:064x}"
    commits = tuple(commits)
    if platform == "container":
        names = {digest, f"shop@{digest}"}
        things = [
            Thing(kind=ThingKind.TAG, id=f"shop:{commit}-{number}", digest=digest) for commit in commits
        ]
        things += [
            Thing(kind=ThingKind.TAG, id=f"shop:in-{number}", digest=digest),
            Thing(kind=ThingKind.MANIFEST, id=f"shop@{digest}", digest=digest, size=10),
        ]
    else:
        names = {digest, f"glance-{number}"}
        things = [Thing(kind=ThingKind.COMMIT_RECORD, id=f"commits/{commit}-{number}") for commit in commits]
        things += [
            Thing(kind=ThingKind.INPUTS_RECORD, id=f"{number}/image.json"),
            Thing(kind=ThingKind.GLANCE_IMAGE, id=f"glance-{number}", size=10),
            Thing(kind=ThingKind.FILE, id=f"{number}/shop.qcow2", digest=digest, size=10),
        ]
    if platform == "bare_metal":
        own = f"kernel-{number}"
        things.append(Thing(kind=ThingKind.GLANCE_PART, id=own))
        needs = (*needs, own)
    return StoredImage(
        platform=platform,
        place="local/acme/shop",
        application="shop",
        repository=REPOSITORY,
        digest=digest,
        names=frozenset(names),
        commits=commits,
        made=NOON - timedelta(days=days),
        hold=hold,
        needs=frozenset(needs),
        things=tuple(things),
    )


def past(commits: Iterable[str], environment: str = "production") -> dict[AppEnvironment, list[Past]]:
    """What is kept of releases, one a day, the newest first."""
    found: dict[str, Past] = {}
    current = ""
    for days, commit in reversed(list(enumerate(commits))):
        push = PushEvent(repository=REPOSITORY, ref="refs/heads/main", commit=commit, at=NOON)
        before = found[commit].before if commit in found else current
        found[commit] = Past(push=push, platforms=PLATFORMS, since=NOON - timedelta(days=days), before=before)
        current = commit
    newest = sorted(found.values(), key=lambda one: one.since, reverse=True)
    return {AppEnvironment(repository=REPOSITORY, environment=environment): newest}


def promised(history: Mapping[AppEnvironment, Sequence[Past]], apps: Apps) -> Promises:
    """What the API server and the task make of it."""
    [of] = rules(apps, NOON)
    kept = []
    for place, known in history.items():
        rule = of.environments.get(place.environment, of.others)
        last = reachable(known[: rule.good], rule.good, {one.push.commit: one for one in known}.get)
        kept.append(
            KeptPlace(
                repository=place.repository,
                environment=place.environment,
                last=tuple(one.push.commit for one in last),
                recent={one.push.commit: one.since for one in known if one.since > rule.since},
            )
        )
    return promises(kept, apps)


def references(stored: StoredImage) -> dict[str, set[str]]:
    """What each thing of an image refers to."""
    by_kind: dict[ThingKind, set[str]] = {}
    for thing in stored.things:
        by_kind.setdefault(thing.kind, set()).add(thing.id)
    parts = {name for name in stored.needs if name.startswith("kernel")}
    bytes_ = {id_ for kind, ids in by_kind.items() if kind >= ThingKind.MANIFEST for id_ in ids}
    inputs = by_kind.get(ThingKind.INPUTS_RECORD, set())
    found: dict[str, set[str]] = {}
    for thing in stored.things:
        if thing.kind <= ThingKind.TAG:
            found[thing.id] = bytes_ | parts | inputs
        elif thing.kind is ThingKind.INPUTS_RECORD:
            found[thing.id] = bytes_ | parts
        elif thing.kind is ThingKind.GLANCE_IMAGE:
            found[thing.id] = parts
    return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    images: list[StoredImage] = []
    for number in range(draw(st.integers(1, 9))):
        platform = draw(st.sampled_from(PLATFORMS))
        older = [one for one in images if one.platform == platform]
        bases = draw(st.lists(st.sampled_from(older), max_size=2)) if older else []
        kernels = [one for one in older if platform == "bare_metal"]
        shared = draw(st.lists(st.sampled_from(kernels), max_size=1)) if kernels else []
        needs = [one.digest for one in bases] + [f"kernel-{images.index(one)}" for one in shared]
        commits = draw(st.lists(st.sampled_from(COMMITS), unique=True, max_size=3))
        days, hold = draw(st.integers(0, 60)), draw(st.sampled_from(["", "", "for the audit"]))
        images.append(image(number, commits, platform, days, hold, needs))
    history = {
        place: releases
        for environment in ("production", "staging")
        for place, releases in past(draw(st.lists(st.sampled_from(COMMITS), max_size=8)), environment).items()
    }
    running = {
        sorted(one.names)[0]: "pod shop/shop-1 runs it"
        for one in images
        if draw(st.booleans()) and draw(st.booleans())
    }
    policy = apps(draw(st.integers(1, 4)), draw(st.integers(0, 40)), draw(st.sampled_from([None, 1, 5])))
    return World(tuple(images), history, policy, running)
