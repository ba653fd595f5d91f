"""The order of a ref's pushes, over histories of a repository and of their deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.flow.push import PushEvent
from slipway.flow.push_id import is_push_id, push_id
from slipway.flow.ref_order import PushSource, RefPush, Reported, place

BEGIN = datetime(2030, 1, 2, tzinfo=UTC)
MAIN = "refs/heads/main"
NONE = "0" * 40
A, B, C = ("a" * 40, "b" * 40, "c" * 40)


def reported(commit: str, second: float | None, before: str = "", source: PushSource = "webhook") -> Reported:
    """A push of main; without a second of the code registry's it is seen there now, when the minute ends."""
    at = BEGIN + timedelta(seconds=60 if second is None else second)
    pushed_at = None if second is None else at
    push = PushEvent(repository="octo/shop", ref=MAIN, commit=commit, at=at)
    return Reported(push=push, source=source, before=before, pushed_at=pushed_at)


@dataclass
class Log:
    """What is on record of main."""

    rows: list[RefPush] = field(default_factory=list)

    def take(self, one: Reported) -> str:
        placed = place(one, self.rows)
        if placed.verdict != "known":
            row = RefPush(
                id=str(len(self.rows)),
                commit=one.push.commit,
                before=one.before,
                pushed_at=one.pushed_at,
                at=placed.at,
                over=True,
            )
            self.rows.append(row)
        return placed.verdict

    @property
    def newest(self) -> str:
        return max(self.rows, key=lambda one: one.at).commit


@pytest.mark.parametrize(
    ("history", "verdicts", "newest"),
    [
        ([(B, 20, A), (A, 10, NONE)], ["new", "superseded"], B),  # swapped on the way
        ([(B, 10, A), (A, 10, NONE)], ["new", "superseded"], B),  # and pushed within a second
        ([(A, 10, NONE), (B, 10, A)], ["new", "new"], B),
        ([(A, 10, NONE), (B, 20, A), (A, 10, NONE)], ["new", "new", "known"], B),  # replayed
        ([(A, 10, NONE), (A, 10, NONE)], ["new", "known"], A),  # twice
        ([(A, 10, NONE), (B, 20, A), (A, 30, B)], ["new", "new", "new"], A),  # forced back
        ([(A, 10, NONE), (A, 30, B), (B, 20, A)], ["new", "new", "superseded"], A),  # and swapped
        ([(B, 20, A), (A, 30, B), (A, 10, NONE)], ["new", "new", "superseded"], A),
        ([(A, 10, NONE), (B, None, ""), (B, 20, A)], ["new", "new", "known"], B),  # late, after the sweep
        ([(C, None, ""), (A, 10, NONE), (B, 20, A)], ["new", "new", "new"], B),
        ([(A, None, ""), (B, 61, A)], ["new", "new"], B),
        ([(A, None, ""), (B, 1, A)], ["new", "new"], B),  # the registry's clock is behind
        ([(A, None, ""), (B, -100, "")], ["new", "superseded"], A),
    ],
)
def test_order_is_the_code_registrys(
    history: list[tuple[str, float | None, str]], verdicts: list[str], newest: str
) -> None:
    log = Log()
    assert [log.take(reported(*one)) for one in history] == verdicts
    assert log.newest == newest


def test_person_who_asks_again_gets_it_again_unless_it_is_under_way() -> None:
    done = RefPush(id="1", commit=A, at=BEGIN, pushed_at=BEGIN, over=True)
    asked = reported(A, None, source="person")
    assert place(asked, [done]).verdict == "new"
    joined = place(asked, [done.model_copy(update={"over": False})])
    assert (joined.verdict, joined.other and joined.other.id) == ("known", "1")


def test_push_that_was_superseded_by_a_look_is_taken_when_the_ref_points_to_it_again() -> None:
    gone = RefPush(id="1", commit=A, at=BEGIN, pushed_at=BEGIN, before=NONE, over=True, superseded=True)
    assert place(reported(A, None, source="sweep"), [gone]).verdict == "new"
    assert place(reported(A, 0, NONE), [gone]).verdict == "known"  # a replay is none


def test_push_to_be_deployed_is_not_the_one_that_somebody_only_built() -> None:
    built = RefPush(id="1", commit=A, at=BEGIN, deploy=False)
    assert place(reported(A, 1, NONE), [built]).verdict == "new"
    assert place(reported(A, None, source="sweep"), [built]).verdict == "new"
    assert place(reported(A, None, source="person"), [built]).verdict == "new"
    asked = reported(A, None, source="person").model_copy(update={"deploy": False})
    assert place(asked, [built.model_copy(update={"deploy": True})]).verdict == "known"


def test_clock_of_a_code_registry_that_is_ahead_puts_nobody_behind() -> None:
    ahead = reported(A, 3600, NONE)
    ahead = ahead.model_copy(update={"push": ahead.push.model_copy(update={"at": BEGIN})})
    placed = place(ahead, [])
    assert (placed.verdict, placed.at) == ("new", BEGIN)


def test_sweep_and_night_add_nothing_to_what_is_known() -> None:
    log = Log()
    log.take(reported(A, 10, NONE))
    assert log.take(reported(A, None, source="sweep")) == "known"
    night = reported(A, None, source="night")
    night = night.model_copy(update={"push": night.push.model_copy(update={"rebuild": "2030-01-02"})})
    assert place(night, log.rows).verdict == "new"


PUSHES = st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(0, 3)), min_size=1, max_size=8)


@settings(max_examples=1000, deadline=None)
@given(pushes=PUSHES, data=st.data())
def test_environment_ends_at_what_the_ref_points_to_and_never_goes_back(pushes: Any, data: Any) -> None:
    """Deliveries are late, doubled, lost and in any order; a sweep finds the tip; looks see the tip."""
    history, before, second = [], NONE, 0
    for commit, later in pushes:
        if commit != before:
            second += later
            history.append(reported(commit, second, before))
            before = commit
    order = data.draw(st.permutations(history))
    arriving = [one for one in order for _ in range(data.draw(st.integers(0, 2)))]
    log, deployed = Log(), list[RefPush]()
    ended = reported(before, None, source="sweep")
    for one in [*arriving, ended, *data.draw(st.permutations(history))]:
        known = len(log.rows)
        # All of the history has happened: a look at a commit that the ref does not point to ends it.
        if log.take(one) == "new" and one.push.commit == before:
            deployed.append(log.rows[known])
    assert deployed[-1].commit == before
    assert [one.at for one in deployed] == sorted(one.at for one in deployed)


@settings(max_examples=500, deadline=None)
@given(pushes=PUSHES, data=st.data())
def test_order_needs_no_look_when_seconds_differ(pushes: Any, data: Any) -> None:
    history, before = [], NONE
    for second, (commit, _) in enumerate(pushes):
        if commit != before:
            history.append(reported(commit, second, before))
            before = commit
    log = Log()
    for one in data.draw(st.permutations(history)):
        log.take(one)
    assert log.newest == before


def test_names_of_pushes_are_for_people_and_tell_all_apart() -> None:
    push = PushEvent(repository="acme/shop", ref="refs/heads/release/1.0.x", commit=A)
    assert push_id(push, 0).startswith(f"push~shop~release-1-0-x~{A[:12]}~")
    others = [
        push.model_copy(update={"repository": "other/shop"}),
        push.model_copy(update={"ref": "refs/tags/release/1.0.x"}),
        push.model_copy(update={"rebuild": "2030-01-02"}),
        push.model_copy(update={"ref": "refs/heads/" + "x" * 400}),
        push.model_copy(update={"commit": A[:39] + "b"}),
    ]
    names = [push_id(push, 0), push_id(push, 1), *(push_id(one, 0) for one in others)]
    assert len(set(names)) == len(names)
    assert all(is_push_id(name) and len(name) <= 200 and ".." not in name for name in names)
    assert push_id(push, 0) == push_id(push.model_copy(update={"repository": "ACME/shop"}), 0)
    assert not is_push_id("manual__2030-01-02T00:00:00+00:00")
