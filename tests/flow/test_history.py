"""Which release an application goes back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.deployment import Deployment
from slipway.flow.history import AppEnvironment, Past, Ran, before, came, check_ran, named, reachable
from slipway.flow.image import Image
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HERE = AppEnvironment(repository="acme/shop", environment="production")


def deployment(
    commit: str,
    minute: int,
    platform: Platform = "container",
    repository: str = "acme/shop",
    environment: str = "production",
) -> Deployment:
    digest = f"sha256:{commit * 64}"
    push = PushEvent(repository=repository, ref="refs/heads/main", commit=commit * 40, at=START)
    image = Image(
        platform=platform,
        application="shop",
        repository=repository,
        commit=push.commit,
        digest=digest,
        input_digest=digest,
        reference=f"registry/shop@{digest}",
    )
    return Deployment(
        push=push,
        application="shop",
        environment=environment,
        platform=platform,
        image=image,
        where="somewhere",
        since=START + timedelta(minutes=minute),
    )


def kept(made: Iterable[Sequence[Deployment]]) -> list[Ran]:
    """What is kept of releases, which came one after the other: the newest first."""
    found: dict[str, Ran] = {}
    current: Ran | None = None
    for release in made:
        commit = release[0].push.commit
        current = found[commit] = came(release, found.get(commit), current)
    return sorted(found.values(), key=lambda one: one.past.since, reverse=True)


def history(commits: str) -> list[Past]:
    """What is kept of these commits, released one after the other."""
    return [one.past for one in kept([deployment(*one)] for one in zip(commits, range(99), strict=False))]


def test_the_platforms_of_one_push_are_one_release() -> None:
    vm, container = deployment("b", 3, "vm"), deployment("b", 2)
    newest, oldest = kept([[deployment("a", 1)], [container], [vm]])
    assert (newest.past.push.commit[0], newest.past.platforms) == ("b", ("container", "vm"))
    assert newest.deployments == {"container": container, "vm": vm}
    assert newest.past.since == vm.since
    assert (oldest.past.push.commit[0], oldest.past.platforms) == ("a", ("container",))


def test_a_release_that_comes_again_has_the_platforms_that_it_has_then() -> None:
    first = [deployment("a", 1), deployment("a", 1, "vm")]
    newest, _ = kept([first, [deployment("b", 2)], [again := deployment("a", 3)]])
    assert (newest.past.before, newest.deployments) == ("", {"container": again})


@pytest.mark.parametrize(
    ("ran", "back"),
    [("ab", "a"), ("abc", "b"), ("abb", "a"), ("abcb", "a"), ("abab", "a"), ("abcba", None), ("a", None)],
)
def test_going_back_never_goes_forward_again(ran: str, back: str | None) -> None:
    past = history(ran)
    if back is None:
        with pytest.raises(SlipwayError, match=r"first known release .* Name a commit"):
            before(past, HERE)
    else:
        assert before(past, HERE).push.commit == back * 40


@given(st.text("abcdef", min_size=1, max_size=20))
def test_going_back_again_and_again_ends_at_the_first_release(ran: str) -> None:
    made, seen = ran, []
    for _ in range(len(ran) + 1):
        past = history(made)
        try:
            chosen = before(past, HERE)
        except SlipwayError:
            break
        assert chosen.push.commit not in seen
        seen.append(past[0].push.commit)
        made += chosen.push.commit[0]
    else:
        pytest.fail("it never ended")
    assert history(made)[0].push.commit[0] == ran[0]


@given(st.text("abcdef", min_size=1, max_size=20), st.integers(1, 6))
def test_what_stays_reachable_is_found_by_a_few_questions(ran: str, most: int) -> None:
    past, asked = history(ran), list[str]()

    def find(commit: str) -> Past | None:
        asked.append(commit)
        return next(one for one in past if one.push.commit == commit)

    found = reachable(past[:most], most, find)
    assert found == reachable(past, most, find)
    assert len(asked) <= 2 * most
    step = past[0]
    for _ in range(most - 1):
        assert step in found
        try:
            step = before([step, *past], HERE)
        except SlipwayError:
            break
    assert {one.push.commit for one in past[:most]} <= {one.push.commit for one in found}


def test_a_commit_by_name_is_its_newest_release() -> None:
    past = history("abca")
    found = named(past, HERE, "b" * 40)
    assert found is not None
    assert found.since == START + timedelta(minutes=1)
    assert named(past, HERE, "d" * 40) is None


def test_what_runs_already_is_refused_with_what_there_is_beside_it() -> None:
    past = history("ab")
    with pytest.raises(SlipwayError, match=r"already runs in production.*aaaaaaaaaaaa \(container; "):
        named(past, HERE, "b" * 40)


def test_nothing_deployed_names_both_names() -> None:
    with pytest.raises(SlipwayError, match="no record of a deployment of acme/shop to production"):
        before([], HERE)


def test_nothing_that_runs_is_said() -> None:
    check_ran(history("a"), HERE)
    with pytest.raises(SlipwayError, match="no record of a deployment of acme/shop to production"):
        check_ran([], HERE)
