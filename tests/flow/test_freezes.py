"""Whether an environment takes releases, by its windows and freezes, and what people read about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.environments import Environment
from slipway.flow.freezes import Exemption, Freeze, Hold, StartedFreeze
from slipway.flow.gate import Frozen, Gate, hold_of
from slipway.flow.windows import is_open, read_window

NOON = datetime(2026, 12, 7, 12, tzinfo=UTC)  # a Monday
WORK = "Mon-Thu 09:00-16:00 Europe/Berlin"


def frozen(begins: int, ends: int, reason: str = "holidays", *, strict: bool = False) -> Frozen:
    """A freeze from and to so many hours after noon."""
    moments = [f"{NOON + timedelta(hours=hours):%Y-%m-%d %H:%M} UTC" for hours in (begins, ends)]
    about = {"from": moments[0], "to": moments[1], "reason": reason, "also_rollbacks": strict}
    return Frozen.of_file(Freeze.from_json(about))


def why(windows: list[str], freezes: list[Frozen], hours: float = 0) -> str:
    hold = hold_of("production", windows, freezes, NOON + timedelta(hours=hours))
    return hold.why if hold else ""


def test_an_environment_with_neither_takes_releases_at_any_time() -> None:
    assert hold_of("production", [], [], NOON) is None
    assert hold_of("production", [WORK], [frozen(1, 2)], NOON) is None


def test_a_freeze_says_until_when_and_why() -> None:
    [hold] = [hold_of("production", [], [frozen(-1, 30)], NOON)]
    assert hold == Hold(
        why="production is frozen until 2026-12-08 18:00 UTC (holidays)", until=NOON + timedelta(hours=30)
    )
    assert why([], [frozen(-1, 30)], 30) == ""


def test_of_several_freezes_the_one_that_ends_last_is_named() -> None:
    freezes = [frozen(-1, 2, "first"), frozen(-1, 5, "second"), frozen(5, 8, "third")]
    assert why([], freezes) == (
        "production is frozen until 2026-12-07 17:00 UTC (second); next at 2026-12-07 20:00 UTC"
    )


def test_outside_its_windows_an_environment_says_when_the_next_one_begins() -> None:
    assert why([WORK], [], 4) == (
        "production takes releases Mon-Thu 09:00-16:00 Europe/Berlin only; next at 2026-12-08 09:00 CET"
    )
    assert why([WORK, "Fri 22:00-23:00 UTC"], [], 4 + 3 * 24).endswith("only; next at 2026-12-11 22:00 UTC")


def test_a_freeze_that_ends_outside_the_windows_names_both() -> None:
    assert why([WORK], [frozen(-1, 6)]) == (
        "production is frozen until 2026-12-07 18:00 UTC (holidays); next at 2026-12-08 09:00 CET"
    )
    assert why([WORK], [frozen(-1, 6), frozen(6, 6 + 24)]).endswith("next at 2026-12-09 09:00 CET")


def test_a_freeze_of_a_person_names_the_person() -> None:
    started = StartedFreeze(
        environment="production",
        until=NOON + timedelta(hours=1),
        reason="incident 42",
        by="alice",
        at=NOON - timedelta(hours=1),
    )
    assert why([], [Frozen.of_person(started)]) == (
        "production is frozen until 2026-12-07 13:00 UTC (incident 42; by alice)"
    )


HOURS = st.integers(-40, 200)


@given(
    st.lists(st.sampled_from([WORK, "Sat 22:00-04:00 UTC", "Mon,Wed 00:00-24:00 Asia/Tokyo"]), max_size=2),
    st.lists(st.tuples(HOURS, st.integers(1, 100)), max_size=5),
    HOURS,
)
def test_until_is_the_first_moment_that_is_in_a_window_and_in_no_freeze(
    windows: list[str], spans: list[tuple[int, int]], hours: int
) -> None:
    freezes = [frozen(begins, begins + length) for begins, length in spans]
    now = NOON + timedelta(hours=hours)

    def is_free(moment: datetime) -> bool:
        inside = not windows or is_open(map(read_window, windows), moment)
        return inside and not any(one.begins <= moment < one.ends for one in freezes)

    hold = hold_of("production", windows, freezes, now)
    assert (hold is None) is is_free(now)
    if hold is not None:
        assert hold.until is not None
        assert is_free(hold.until)
        steps = int((hold.until - now).total_seconds() // 1800)
        assert not any(is_free(now + timedelta(minutes=30 * one)) for one in range(steps))


def test_a_gate_lets_through_whom_a_person_named_and_rollbacks_where_a_freeze_does_not_name_them() -> None:
    let = Exemption(environment="a", commit="b" * 40, until=NOON, reason="hotfix", by="alice", at=NOON)
    hold, strict = Hold(why="a is frozen"), Hold(why="a is frozen, and rollbacks are")
    gate = Gate(hold=hold, let={"b" * 40: let})
    assert gate.holds("a" * 40, rolls_back=False) == hold
    assert gate.holds("a" * 40, rolls_back=True) is None
    assert gate.holds("b" * 40, rolls_back=False) is None
    assert gate.exempts("b" * 40, rolls_back=False) == let
    assert gate.exempts("b" * 40, rolls_back=True) is None  # it needs nobody
    assert Gate(hold=hold, rollbacks=strict).holds("a" * 40, rolls_back=True) == strict
    assert str(let) == "let through by alice at 2026-12-07 12:00 UTC: hotfix"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"windows": ["Mon 09:00-16:00 Mars/Phobos"]}, "Mars/Phobos is not a time zone"),
        ({"freezes": [{"from": "2026-12-18 UTC", "to": "2026-12-17 UTC", "reason": "x"}]}, "swap them"),
        (
            {"freezes": [{"from": "2026-12-18 UTC", "to": "2026-12-18 UTC", "reason": "x"}]},
            "before it begins",
        ),
        ({"freezes": [{"from": "2026-12-18 UTC", "to": "2026-12-19 UTC", "reason": " "}]}, "at least 1"),
        ({"freezes": [{"from": "2026-12-18 UTC", "to": "2026-12-19 UTC"}]}, "required"),
        ({"freezes": [{"from": "2026-12-18", "to": "2026-12-19 UTC", "reason": "x"}]}, "a time zone, like"),
    ],
)
def test_an_environment_refuses_what_is_no_window_or_freeze(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Environment.from_json({"refs": [], "namespace": "a", **fields})
