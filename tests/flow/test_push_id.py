"""The name of a push: people read it, Airflow takes it, and it tells all pushes apart."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.push import PushEvent
from slipway.flow.push_id import is_push_id, push_id
from tests.flow.builders import NOON

AIRFLOWS = re.compile(r"[A-Za-z0-9_.~:+-]+")
"""``[scheduler] allowed_run_id_pattern`` of Airflow 3.3.2."""
PUSH = PushEvent(repository="octo/shop", ref="refs/heads/main", commit="1f0c6a7d2b9e" + "0" * 28, at=NOON)


def other(**changes: str) -> PushEvent:
    return PushEvent.from_json(PUSH.to_json() | changes)


def test_people_read_repository_ref_and_commit() -> None:
    assert re.fullmatch(r"push~shop~main~1f0c6a7d2b9e~[0-9a-f]{8}", push_id(PUSH, 0))
    assert push_id(other(ref="refs/tags/v1.2"), 0).startswith("push~shop~v1-2~1f0c6a7d2b9e~")
    assert push_id(other(rebuild="2030-01-02"), 0).startswith("push~shop~main~1f0c6a7d2b9e~2030-01-02~")


def test_what_makes_another_push_makes_another_name() -> None:
    pushes = [
        PUSH,
        other(ref="refs/tags/main"),
        other(repository="acme/shop"),
        other(commit="1f0c6a7d2b9e" + "1" * 28),
        other(rebuild="2030-01-02"),
        other(ref="refs/heads/a.b"),
        other(ref="refs/heads/a-b"),
    ]
    names = {push_id(one, number) for one in pushes for number in (0, 1)}
    assert len(names) == 2 * len(pushes)


def test_who_reported_it_when_and_in_which_spelling_makes_none() -> None:
    same = other(pusher="ann", delivery="1-2", at="2031-01-01T00:00:00Z")
    assert push_id(same, 0) == push_id(PUSH, 0)
    spelled = push_id(other(repository="Octo/Shop"), 0)
    assert spelled.rpartition("~")[2] == push_id(PUSH, 0).rpartition("~")[2]


@given(
    name=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}", fullmatch=True),
    branch=st.from_regex(r"[a-z$;'\"é]{1,40}(/[a-z$;'\"é]{1,40}){0,9}", fullmatch=True),
    rebuild=st.from_regex(r"([A-Za-z0-9:.-]{1,60})?", fullmatch=True),
    number=st.integers(0, 10**6),
)
def test_airflow_takes_every_name(name: str, branch: str, rebuild: str, number: int) -> None:
    try:
        event = other(repository=f"octo/{name}", ref=f"refs/heads/{branch}", rebuild=rebuild)
    except ValueError:
        return  # no name of a repository or a ref
    found = push_id(event, number)
    assert AIRFLOWS.fullmatch(found)
    assert quote(found, safe="") == found, "it stands in addresses as it is"
    assert len(found) <= 210


def test_the_longest_name_is_one_of_airflows_250_characters() -> None:
    longest = other(repository=f"octo/{'n' * 100}", ref=f"refs/heads/{'b' * 200}", rebuild="2" * 60)
    assert len(push_id(longest, 10**6)) == 209


@pytest.mark.parametrize("run_id", ["manual__2030-01-02", "requested__5c9f", "rollback__push~x", "pushed"])
def test_other_runs_are_not_taken_for_a_pushs(run_id: str) -> None:
    assert is_push_id(push_id(PUSH, 0))
    assert not is_push_id(run_id)
