"""Whose turn it is to deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

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
