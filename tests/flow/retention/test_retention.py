"""Which images stay, and in which order the others go: over many histories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.history import AppEnvironment, Past, before
from slipway.flow.record import SlipwayError
from slipway.flow.retention.plan import ImageRemoval, ImageUses, ImageVerdict, judge, removals
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind
from slipway.flow.retention.tables import summary, table
from tests.examples import examples
from tests.flow.builders import NOON
from tests.flow.images import COMMITS, REPOSITORY, World, apps, image, past, promised, references, worlds

many = examples(100)


def gone(planned: Sequence[ImageRemoval]) -> list[str]:
    return [thing.id for one in planned for thing in one.things]


def without(images: Iterable[StoredImage], removed: Iterable[str]) -> list[StoredImage]:
    """What an inventory finds when these things are gone."""
    left = []
    for one in images:
        things = tuple(thing for thing in one.things if thing.id not in set(removed))
        commits = tuple(commit for commit in one.commits if any(f"{commit}-" in thing.id for thing in things))
        if things:
            left.append(one.model_copy(update={"things": things, "commits": commits}))
    return left


def whole(images: Iterable[StoredImage]) -> dict[str, frozenset[str]]:
    """The things of images, by the image."""
    return {one.digest: frozenset(thing.id for thing in one.things) for one in images}


def served(world: World, left: Iterable[StoredImage], commit: str) -> bool:
    """Say whether every image of a commit that there was is still there, with all that belongs to it."""
    wanted = whole(one for one in world.images if commit in one.commits)
    there = whole(left)
    return all(there.get(digest) == things for digest, things in wanted.items())


@many
@given(worlds())
def test_what_runs_is_held_or_is_young_stays_whole(world: World) -> None:
    left = whole(without(world.images, gone(removals(judge(world.images, world.facts)))))
    days = world.apps.get(REPOSITORY).retention.days
    for one in world.images:
        runs = bool(one.names & world.running.keys())
        if runs or one.hold or NOON - one.made < timedelta(days=days):
            assert left[one.digest] == frozenset(thing.id for thing in one.things)
            assert {name for name in one.needs if name.startswith("kernel")} <= set().union(*left.values())


@many
@given(worlds())
def test_every_promised_rollback_has_its_images(world: World) -> None:
    left = without(world.images, gone(removals(judge(world.images, world.facts))))
    for place, releases in world.history.items():
        commits = list(dict.fromkeys(one.push.commit for one in releases))
        for commit in commits[: world.good(place.environment)]:
            assert served(world, left, commit)
        for commit in step_by_step(place, releases, world.good(place.environment) - 1):
            assert served(world, left, commit)


def step_by_step(place: AppEnvironment, releases: Sequence[Past], steps: int) -> list[str]:
    """Go back again and again, as `rollback` does: each time what it brings back comes to the history."""
    history, found = list(releases), []
    for _ in range(steps):
        try:
            chosen = before(history, place)
        except SlipwayError:
            break
        found.append(chosen.push.commit)
        history.insert(0, chosen)
    return found


@many
@given(worlds())
def test_whatever_is_left_at_any_moment_refers_to_nothing_that_is_gone(world: World) -> None:
    planned = removals(judge(world.images, world.facts))
    needed = {one.digest: references(one) for one in world.images}
    bases = {one.digest: one.needs & {other.digest for other in world.images} for one in world.images}
    there = {thing.id for one in world.images for thing in one.things}
    images = {one.digest: {thing.id for thing in one.things} for one in world.images}
    shared = {name for one in world.images for name in one.needs}
    for id_ in gone(planned):
        assert id_ in there, "nothing goes twice"
        there.remove(id_)
        for digest, refers in needed.items():
            for source, targets in refers.items():
                assert source not in there or targets <= there, f"{source} of {digest} lost {targets - there}"
            if (images[digest] - shared) & there:  # a kernel stays for the others that need it
                for base in bases[digest]:
                    assert images[base] & there, f"{digest} was built upon {base}"


@many
@given(worlds(), st.data())
def test_a_run_that_died_anywhere_is_finished_by_the_next(world: World, data: st.DataObject) -> None:
    order = gone(removals(judge(world.images, world.facts)))
    died = data.draw(st.integers(0, len(order)))
    left = without(world.images, order[:died])
    rest = gone(removals(judge(left, world.facts)))
    assert {*order[:died], *rest} == set(order)
    assert gone(removals(judge(without(left, rest), world.facts))) == []


def judged(images: Sequence[StoredImage], facts: ImageUses) -> dict[str, tuple[bool, str]]:
    return {one.stored.digest[-1]: (one.keep, one.reason) for one in judge(images, facts)}


def test_reasons() -> None:
    world = World(
        images=(
            image(0, [COMMITS[0]]),
            image(1, [COMMITS[1]]),
            image(2, hold="for the audit"),
            image(3, days=29.9),
            image(4, needs=[image(5).digest]),
            image(5),
            image(6).model_copy(update={"repository": "gone/app"}),
            image(7).model_copy(update={"repository": ""}),
            image(8, [COMMITS[8]], days=31),
        ),
        history=past([COMMITS[1], COMMITS[2]]),
        apps=apps(),
        running={image(0).digest: "pod demo/shop-1 runs it", image(4).digest: "server cart-1 runs it"},
    )
    assert judged(world.images, world.facts) == {
        "0": (True, "pod demo/shop-1 runs it"),
        "1": (True, "one of the last 2 releases of production"),
        "2": (True, "held: for the audit"),
        "3": (True, "younger than 30 days"),
        "4": (True, "server cart-1 runs it"),
        "5": (True, "shop container no commit (sha256:000000000000) was built upon it"),
        "6": (True, "gone/app is not in apps.yaml"),
        "7": (True, "its repository is unknown"),
        "8": (False, "31 days old, and not needed"),
    }


def test_an_application_of_which_nobody_knows_what_runs_keeps_its_images() -> None:
    running = {"shop": "ConfigMap shop.slipway cannot be understood"}
    assert judged([image(1)], ImageUses(NOON, apps(), running, {}, {})) == {"1": (True, running["shop"])}


def test_only_images_of_the_repositories_asked_for_go() -> None:
    images = [
        image(1, needs=[image(3).digest]),
        image(2).model_copy(update={"repository": REPOSITORY.upper()}),
    ]
    facts = ImageUses(NOON, apps(), {}, {}, {}, frozenset({"acme/other"}))
    assert {keep for keep, _ in judged(images, facts).values()} == {True}
    facts = ImageUses(NOON, apps(), {}, {}, {}, frozenset({REPOSITORY}))
    assert {keep for keep, _ in judged(images, facts).values()} == {False}


def test_a_platform_that_cannot_be_asked_keeps_its_images() -> None:
    images = [image(1), image(2, platform="vm")]
    facts = ImageUses(NOON, apps(), {}, {}, {"vm": "there is no connection slipway_openstack"})
    assert judged(images, facts) == {
        "1": (False, "100 days old, and not needed"),
        "2": (True, "what runs is unknown: there is no connection slipway_openstack"),
    }


@pytest.mark.parametrize(("history", "kept"), [("cba", "cb"), ("bcba", "cba"), ("a", "a"), ("aba", "ab")])
def test_the_last_releases_are_the_newest_and_those_before_them(history: str, kept: str) -> None:
    """After `b` was brought back from `c`, going back leads to `a`, and a person may still ask for `c`."""
    commits = {letter: letter * 40 for letter in "abc"}
    found = promised(past(commits[letter] for letter in history), apps(good=2, days=0))
    assert {commit[0] for _, commit in found} == set(kept)


def test_a_recent_release_stays_whatever_came_after_it() -> None:
    days = past([COMMITS[number] for number in range(5)])
    found = promised(days, apps(good=1, days=3))
    assert {commit for _, commit in found} == set(COMMITS[:3])
    assert found[REPOSITORY, COMMITS[2]] == "released 2029-12-31 in production"


def test_a_kernel_goes_with_the_last_image_that_needs_it() -> None:
    first = image(1, [COMMITS[1]], "bare_metal")
    second = image(2, [COMMITS[2]], "bare_metal", needs=["kernel-1"])
    verdicts = [ImageVerdict(stored=one, keep=False, reason="") for one in (first, second)]
    one, other = removals(verdicts)
    assert "kernel-1" not in gone([one])
    assert gone([other])[-3:] == ["kernel-1", "kernel-2", "2/shop.qcow2"]
    staying = [verdicts[0], ImageVerdict(stored=second, keep=True, reason="held")]
    assert "kernel-1" not in gone(removals(staying))


def test_what_is_needed_in_a_circle_stays() -> None:
    circle = [image(1, needs=[image(2).digest]), image(2, needs=[image(1).digest])]
    assert removals([ImageVerdict(stored=one, keep=False, reason="") for one in circle]) == []


def test_the_order_of_kinds_is_that_of_references() -> None:
    things = [Thing(kind=kind, id=kind.name) for kind in reversed(ThingKind)]
    stored = image(1).model_copy(update={"things": tuple(things)})
    assert gone(removals([ImageVerdict(stored=stored, keep=False, reason="")])) == [
        "COMMIT_RECORD",
        "TAG",
        "INPUTS_RECORD",
        "MANIFEST",
        "GLANCE_IMAGE",
        "GLANCE_PART",
        "FILE",
    ]


def test_a_person_reads_what_goes_first() -> None:
    images = [image(1, COMMITS[:2]), image(2, platform="vm", hold="for the audit")]
    verdicts = judge(images, ImageUses(NOON, apps(), {}, {}, {}))
    lines = [" ".join(line.split()) for line in table(verdicts, NOON).splitlines()]
    first = "000000000000 +1 sha256:000000000000"
    assert lines[1:] == [
        f"container shop {first} 10 B 100 d goes 100 days old, and not needed",
        "vm shop - sha256:000000000000 20 B 100 d stays held: for the audit",
    ]
    assert summary(verdicts) == "2 images: 1 stay, 1 go (10 B)"
