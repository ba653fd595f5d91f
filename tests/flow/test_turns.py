"""Whose turn it is to deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.freezes import Exemption, Hold
from slipway.flow.gate import Gate
from slipway.flow.turns import Contender, Turn, TurnPlace, take

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)


def contender(number: int, *, has_it: bool = False) -> Contender:
    """The run of a push that came ``number`` minutes after noon."""
    return Contender(
        dag_id="deploy",
        run_id=f"run-{number}",
        commit=f"{number:040x}",
        at=NOON + timedelta(minutes=number),
        since=NOON if has_it else None,
    )


def test_the_first_has_its_turn_at_once_and_keeps_it() -> None:
    known, turn = take([], contender(1), NOON)
    assert (known, turn) == ([contender(1, has_it=True)], Turn(state="given", since=NOON))
    assert take(known, contender(1), NOON + timedelta(hours=1)) == (known, turn)


def test_one_that_runs_is_waited_for_by_a_newer_one() -> None:
    running = contender(1, has_it=True)
    known, turn = take([running], contender(2), NOON)
    assert turn == Turn(state="waits", other=running)
    assert known == [running, contender(2)]
    assert turn.told(contender(2)) == ("000000000000 waits: 000000000000 (run run-1) is being deployed")
    # The run that was waited for is over.
    assert take([contender(2)], contender(2), NOON)[1].state == "given"


def test_of_those_that_wait_the_newest_is_left() -> None:
    known = [contender(1, has_it=True), contender(3)]
    assert take(known, contender(2), NOON) == (known, Turn(state="superseded", other=contender(3)))
    known = [contender(1, has_it=True), contender(2), contender(3)]
    left, turn = take(known, contender(2), NOON)
    assert (left, turn.other) == ([known[0], known[2]], contender(3))
    assert "is superseded by 000000000000 (run run-3), which was pushed later and is next" in turn.told(
        contender(2)
    )


def test_an_older_one_is_superseded_by_what_runs() -> None:
    running = contender(2, has_it=True)
    assert take([running], contender(1), NOON) == ([running], Turn(state="superseded", other=running))


def test_the_same_moment_supersedes_nobody() -> None:
    other = contender(1).model_copy(update={"run_id": "again"})
    known, turn = take([other], contender(1), NOON)
    assert (turn.state, len(known)) == ("given", 2)
    assert take(known, other, NOON)[1].state == "waits"


def test_a_repository_is_the_same_however_it_is_spelled() -> None:
    def place(repository: str, environment: str = "production") -> str:
        return TurnPlace(repository=repository, application="shop", environment=environment).key

    assert place("Acme/Shop") == place("acme/shop") != place("acme/shop", "staging")


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_two_never_have_their_turn_at_once_and_the_newest_is_never_refused(
    steps: list[tuple[int, bool]],
) -> None:
    """Runs ask in any order, again and again, and end at any time."""
    known: list[Contender] = []
    for number, ends in steps:
        if ends:
            known = [one for one in known if one.run != contender(number).run]
            continue
        newest = max((one.at for one in known), default=NOON)
        known, turn = take(known, contender(number), NOON)
        assert sum(one.since is not None for one in known) <= 1
        assert (turn.state == "superseded") <= (contender(number).at < newest)
        assert len({one.run for one in known}) == len(known)


HOLD = Hold(why="production is frozen until 2030-01-03 12:00 UTC (holidays)")


def frozen(*let: int) -> Gate:
    """A frozen environment, where the commits of these runs are let through."""
    through = [
        Exemption(
            environment="production",
            commit=f"{number:040x}",
            until=NOON + timedelta(days=1),
            reason="hotfix",
            by="alice",
            at=NOON,
        )
        for number in let
    ]
    return Gate(hold=HOLD, let={one.commit: one for one in through})


def test_in_a_frozen_environment_the_newest_waits_and_supersedes_the_others() -> None:
    known, turn = take([], contender(1), NOON, frozen())
    assert (known, turn) == ([contender(1)], Turn(state="waits", hold=HOLD))
    assert turn.told(contender(1)) == f"000000000000 waits: {HOLD.why}"
    known, turn = take(known, contender(2), NOON, frozen())
    assert turn.state == "waits"
    left, turn = take(known, contender(1), NOON, frozen())
    assert (turn.state, turn.other, left) == ("superseded", contender(2), [contender(2)])
    assert take(left, contender(2), NOON)[1].state == "given"  # it has opened


def test_what_has_begun_goes_on_when_its_environment_is_frozen() -> None:
    known = [contender(1, has_it=True)]
    assert take(known, contender(1), NOON, frozen())[1].state == "given"


def test_one_that_is_let_through_goes_before_newer_ones_that_wait() -> None:
    known, turn = take([contender(2)], contender(1), NOON, frozen(1))
    assert turn.state == "given"
    assert turn.told(contender(1)) == (
        "it is the turn of 000000000000, let through by alice at 2030-01-02 12:00 UTC: hotfix"
    )
    again = take(known, contender(1), NOON + timedelta(hours=1))[1]  # open by now
    assert (again.since, again.let) == (NOON, turn.let)
    assert take(known, contender(2), NOON, frozen(1))[1] == Turn(state="waits", hold=HOLD)


def test_of_two_that_are_let_through_the_newest_is_next() -> None:
    known = [contender(1), contender(2)]
    assert take(known, contender(1), NOON, frozen(1, 2))[1].state == "superseded"
    running = [contender(0, has_it=True), contender(2)]
    assert take(running, contender(1), NOON, frozen(1))[1].other == running[0]


def test_nobody_is_named_where_nobody_had_to_let_it_through() -> None:
    assert take([], contender(1), NOON, Gate(let=frozen(1).let))[1].let is None


def test_a_rollback_is_held_by_what_is_said_of_rollbacks_alone() -> None:
    back = contender(1).model_copy(update={"rolls_back": True})
    assert take([contender(2)], back, NOON, frozen())[1].state == "given"
    strict = Gate(hold=HOLD, rollbacks=HOLD)
    assert take([], back, NOON, strict)[1] == Turn(state="waits", hold=HOLD)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["asks", "ends", "freezes", "opens"])), max_size=60
    ),
    st.sets(st.integers(0, 9), max_size=3),
)
def test_while_it_is_frozen_only_those_that_are_let_through_begin(
    steps: list[tuple[int, str]], let: set[int]
) -> None:
    """Runs ask and end in any order, while the environment is frozen and opened."""
    known: list[Contender] = []
    gate = frozen(*let)
    for number, event in steps:
        mine = contender(number)
        if event == "ends":
            known = [one for one in known if one.run != mine.run]
        elif event == "asks":
            before = known
            known, turn = take(known, mine, NOON, gate)
            began = turn.state == "given" and not any(one.run == mine.run and one.since for one in before)
            assert not (began and gate.hold and number not in let)
            assert (turn.hold is not None) <= (gate.hold is not None)
            newer = [one for one in before if one.at > mine.at]
            free = [one for one in newer if one.since or not gate.holds(one.commit, rolls_back=False)]
            assert (turn.state == "superseded") <= bool(newer)
            assert not (began and free)
            assert sum(one.since is not None for one in known) <= 1
        else:
            gate = frozen(*let) if event == "freezes" else Gate()
