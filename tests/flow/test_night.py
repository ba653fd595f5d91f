"""A night's rebuilds: their turns, and what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.apps import Apps
from slipway.flow.image import Built
from slipway.flow.night import (
    Came,
    RebuildTurn,
    Started,
    came,
    failed,
    has_ended,
    line,
    name_of,
    share,
    summary,
    turns,
)
from slipway.flow.push import PushEvent
from tests.flow.builders import image

HOURS = 4 * 3600.0
TURN = RebuildTurn(repository="octo/shop", ref="refs/heads/main", deploy=True, seconds=0)
PUSH = PushEvent(repository="octo/shop", ref="refs/heads/main", commit="a" * 40, rebuild="2030-01-02")
STARTED = Started(turn=TURN, push=PUSH)


def apps(count: int, **more: object) -> Apps:
    environments = {
        "production": {"refs": ["refs/heads/main", "refs/tags/v1"], "namespace": "demo"},
        "staging": {"refs": ["refs/heads/main", "refs/heads/next", "refs/heads/f/*"], "namespace": "demo"},
    }
    entry = {"tenant": "demo", "environments": environments, **more}
    return Apps.from_json({"version": 1, "applications": {f"octo/app-{n}": entry for n in range(count)}})


def test_every_branch_that_is_named_has_a_turn() -> None:
    assert {turn.ref for turn in turns(apps(1), HOURS)} == {"refs/heads/main", "refs/heads/next"}


@pytest.mark.parametrize(
    ("rebuild", "refs", "deploy"),
    [
        ({}, 2, True),
        ({"refs": []}, 0, True),
        ({"refs": ["refs/tags/v1"]}, 1, True),
        ({"deploy": False}, 2, False),
    ],
)
def test_policy(rebuild: dict[str, object], refs: int, deploy: bool) -> None:
    found = turns(apps(1, rebuild=rebuild), HOURS)
    assert len(found) == refs
    assert all(turn.deploy is deploy for turn in found)


@pytest.mark.parametrize("ref", ["main", "refs/heads/*", "refs/heads/a?", "refs/heads/[ab]", "refs/pull/1"])
def test_a_pattern_cannot_be_built(ref: str) -> None:
    with pytest.raises(ValueError, match="one ref's full name"):
        apps(1, rebuild={"refs": [ref]})


def test_turns_are_spread_over_the_night_and_stay_where_they_are() -> None:
    found = turns(apps(500), HOURS)
    assert len(found) == 1000
    assert [turn.seconds for turn in found] == sorted(turn.seconds for turn in found)
    quarters = [sum(HOURS * n / 4 <= turn.seconds < HOURS * (n + 1) / 4 for turn in found) for n in range(4)]
    assert sum(quarters) == 1000
    assert all(200 < quarter < 300 for quarter in quarters)
    before = {(turn.repository, turn.ref): turn.seconds for turn in turns(apps(20), HOURS)}
    assert all(before.get((turn.repository, turn.ref), turn.seconds) == turn.seconds for turn in found)


@given(st.text(), st.text())
def test_a_share_is_a_part_of_the_night_whatever_the_spelling(repository: str, ref: str) -> None:
    assert 0 <= share(repository, ref) < 1
    assert share("Octo/Shop", ref) == share("octo/shop", ref)


def test_names_of_nights() -> None:
    begun = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert name_of(begun, scheduled=True) == "2030-01-02"
    assert name_of(begun, scheduled=False) == "2030-01-02T030405"


@pytest.mark.parametrize(
    ("states", "images", "result"),
    [
        ({}, {}, "not finished"),
        ({"vm_image": "success", "container_image": "running"}, {"vm": "built"}, "not finished"),
        ({"vm_image": "failed", "container_image": "running"}, {}, "failed"),
        ({"container_image": "success", "deploy": "failed"}, {"container": "built"}, "failed"),
        ({"container_image": "success"}, {"container": "unchanged", "vm": "nothing"}, "unchanged"),
        ({"container_image": "success"}, {"container": "unchanged", "vm": "built"}, "built anew"),
        ({"container_image": "success"}, {"container": "nothing"}, "nothing to build"),
    ],
)
def test_what_came_of_it(states: dict[str, str], images: dict[str, str], result: str) -> None:
    told = line(STARTED, Came(states=states, images=images))
    assert (told.name, told.result) == ("octo/shop main", result)
    assert told.detail.startswith("aaaaaaaaaaaa: ")


def test_what_was_never_started_has_failed_and_says_why() -> None:
    told = line(Started(turn=TURN, trouble="no such ref"), Came())
    assert (told.result, told.detail) == ("failed", "no such ref")
    assert not has_ended(Came())


def test_what_is_known_is_found_by_the_partition_key() -> None:
    known = {PUSH.partition_key: Came(states={"deploy": "success"})}
    assert came(known, STARTED).states == {"deploy": "success"}
    assert came(known, Started(turn=TURN)) == came({}, STARTED) == Came()


def test_failures_stand_first_in_the_summary() -> None:
    lines = [
        line(STARTED, Came(states={"vm_image": "success"}, images={"vm": "unchanged"})),
        line(Started(turn=TURN.model_copy(update={"ref": "refs/heads/b"}), trouble="no such ref"), Came()),
    ]
    assert summary(lines).splitlines() == [
        "2 rebuilds: 1 failed, 1 unchanged",
        "failed     octo/shop b     no such ref",
        "unchanged  octo/shop main  aaaaaaaaaaaa: vm unchanged",
    ]
    assert failed(lines) == ["octo/shop b"]
    assert summary([]) == "0 rebuilds: none"


def test_an_image_that_was_there_is_not_new() -> None:
    made = Built(push=PUSH, platform="container", image=image())
    assert made.found(before=False).is_new
    assert not made.found(before=True).is_new
    nothing = Built(push=PUSH, platform="vm").found(before=True)
    assert (nothing.is_new, nothing.reused) == (False, False)
