"""Which release an application goes back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.deployment import Deployment
from slipway.flow.history import AppEnvironment, before, named, releases, running
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


def history(commits: str) -> list[Deployment]:
    """Deployments of these commits, one after the other, as they are read: newest first."""
    return [deployment(commit, minute) for minute, commit in enumerate(commits)][::-1]


def test_the_platforms_of_one_push_are_one_release() -> None:
    made = [deployment("b", 3, "vm"), deployment("b", 2, "container"), deployment("a", 1)]
    newest, oldest = releases(made, HERE)
    assert (newest.push.commit[0], set(newest.platforms)) == ("b", {"vm", "container"})
    assert (oldest.push.commit[0], oldest.platforms) == ("a", ("container",))


def test_other_applications_and_environments_do_not_count() -> None:
    made = [
        deployment("c", 3, repository="acme/other"),
        deployment("b", 2, environment="staging"),
        deployment("a", 1, repository="Acme/Shop"),
    ]
    assert [one.push.commit[0] for one in releases(made, HERE)] == ["a"]


@pytest.mark.parametrize(
    ("ran", "back"),
    [("ab", "a"), ("abc", "b"), ("abb", "a"), ("abcb", "a"), ("abab", "a"), ("abcba", None), ("a", None)],
)
def test_going_back_never_goes_forward_again(ran: str, back: str | None) -> None:
    past = releases(history(ran), HERE)
    if back is None:
        with pytest.raises(SlipwayError, match=r"first known release .* Name a commit"):
            before(past, HERE)
    else:
        assert before(past, HERE).push.commit == back * 40


@given(st.text("abcdef", min_size=1, max_size=20))
def test_going_back_again_and_again_ends_at_the_first_release(ran: str) -> None:
    made = history(ran)
    seen = []
    for minute in range(100, 100 + len(ran) + 1):
        past = releases(made, HERE)
        try:
            chosen = before(past, HERE)
        except SlipwayError:
            break
        assert chosen.push.commit not in seen
        seen.append(past[0].push.commit)
        made.insert(0, deployment(chosen.push.commit[0], minute))
    else:
        pytest.fail("it never ended")
    assert releases(made, HERE)[0].push.commit[0] == ran[0]


def test_a_commit_by_name_is_its_newest_release() -> None:
    past = releases(history("abca"), HERE)
    found = named(past, HERE, "b" * 40)
    assert found is not None
    assert found.since == START + timedelta(minutes=1)
    assert named(past, HERE, "d" * 40) is None


def test_what_runs_already_is_refused_with_what_there_is_beside_it() -> None:
    past = releases(history("ab"), HERE)
    with pytest.raises(SlipwayError, match=r"already runs in production.*aaaaaaaaaaaa \(container; "):
        named(past, HERE, "b" * 40)


def test_nothing_deployed_names_both_names() -> None:
    with pytest.raises(SlipwayError, match="record no deployment of acme/shop to production"):
        before([], HERE)


def test_what_runs_is_the_last_release_with_the_images_that_came_last() -> None:
    other = deployment("c", 9, environment="staging")
    again = deployment("b", 4, "vm")
    made = [other, again, deployment("b", 3, "container"), deployment("b", 2, "vm"), deployment("a", 1)]
    assert running(made, HERE) == {"vm": again, "container": made[2]}
    assert running(made, AppEnvironment(repository="ACME/shop", environment="staging")) == {
        "container": other
    }


def test_nothing_that_runs_is_said() -> None:
    with pytest.raises(SlipwayError, match="record no deployment of acme/shop to production"):
        running([deployment("c", 9, environment="staging")], HERE)
