"""Windows and moments: what people write, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.moments import read_end, read_moment, read_zone, shown
from slipway.flow.record import SlipwayError
from slipway.flow.windows import is_open, next_opening, read_window

BERLIN = read_zone("Europe/Berlin")


def berlin(text: str) -> datetime:
    return read_moment(f"{text} Europe/Berlin")


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        (
            "Mon-Thu 09:00-16:00",
            ["2026-12-07 09:00", "2026-12-10 15:59"],
            ["2026-12-07 08:59", "2026-12-10 16:00"],
        ),
        ("Mon,Fri 09:00-16:00", ["2026-12-11 12:00"], ["2026-12-08 12:00"]),
        (
            "Sat-Mon 09:00-16:00",
            ["2026-12-12 12:00", "2026-12-14 12:00"],
            ["2026-12-11 12:00", "2026-12-15 12:00"],
        ),
        (
            "Fri 22:00-02:00",
            ["2026-12-11 23:00", "2026-12-12 01:59"],
            ["2026-12-11 01:00", "2026-12-12 02:00"],
        ),
        ("Sun 22:00-02:00", ["2026-12-14 01:00"], ["2026-12-13 01:00"]),
        ("Mon 00:00-24:00", ["2026-12-07 00:00", "2026-12-07 23:59"], ["2026-12-08 00:00"]),
    ],
)  # 2026-12-07 is a Monday
def test_a_window_is_open_at_its_times(window: str, inside: list[str], outside: list[str]) -> None:
    windows = [read_window(f"{window} Europe/Berlin")]
    found = {text: is_open(windows, berlin(text)) for text in (*inside, *outside)}
    assert found == dict.fromkeys(inside, True) | dict.fromkeys(outside, False)


def test_the_next_opening_is_the_first_of_all_windows() -> None:
    windows = [read_window(one) for one in ("Mon 09:00-10:00 Europe/Berlin", "Sun 23:00-23:30 UTC")]
    assert next_opening(windows, berlin("2026-12-11 12:00")) == read_moment("2026-12-13 23:00 UTC")
    assert next_opening(windows, read_moment("2026-12-13 23:00 UTC")) == berlin("2026-12-14 09:00")
    assert next_opening([windows[0]], berlin("2026-12-07 09:00")) == berlin("2026-12-14 09:00")


@pytest.mark.parametrize(
    ("window", "day", "begins", "ends"),
    [  # In Berlin, the clock goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
        ("Sun 01:00-04:00", "2026-03-29", "2026-03-29T00:00Z", "2026-03-29T02:00Z"),
        ("Sun 02:15-02:45", "2026-03-29", "2026-03-29T01:15Z", "2026-03-29T01:45Z"),
        ("Sun 01:00-04:00", "2026-10-25", "2026-10-24T23:00Z", "2026-10-25T03:00Z"),
        ("Sun 02:15-02:45", "2026-10-25", "2026-10-25T00:15Z", "2026-10-25T00:45Z"),
        ("Sat 23:00-03:30", "2026-10-24", "2026-10-24T21:00Z", "2026-10-25T02:30Z"),
    ],
)
def test_windows_where_the_clock_changes(window: str, day: str, begins: str, ends: str) -> None:
    found = [read_window(f"{window} Europe/Berlin")]
    [first, last] = (datetime.fromisoformat(one) for one in (begins, ends))
    assert next_opening(found, berlin(f"{day} 00:00") - timedelta(hours=1)) == first
    moments = (first - timedelta(minutes=1), first, last - timedelta(minutes=1), last)
    assert [is_open(found, one) for one in moments] == [False, True, True, False]


def test_a_window_whose_beginning_the_clock_skips_past_its_end_is_left_out_that_day() -> None:
    found = [read_window("Sun 02:30-03:00 Europe/Berlin")]
    assert next_opening(found, berlin("2026-03-28 12:00")) == berlin("2026-04-05 02:30")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("09:00-16:00 Europe/Berlin", "must be days, times and a time zone, like `Mon-Thu"),
        ("Mon 9:00-16:00 UTC", "must be days, times and a time zone"),
        ("Mon 09:00-16:00", "must be days, times and a time zone"),
        ("mon 09:00-16:00 UTC", "must be days, times and a time zone"),
        ("Mon 09:00-25:00 UTC", "25:00 is not a time of the day: write 00:00 to 23:59, or 24:00 at the end"),
        ("Mon 24:00-02:00 UTC", "24:00 is not a time of the day"),
        ("Mon 09:00-09:00 UTC", "begins and ends at 09:00: for the whole day, write 00:00-24:00"),
        ("Mon 09:00-16:00 Europe/Berin", r"is not a time zone .* did you mean Europe/Berlin\?"),
        ("Mon 09:00-16:00 europe/berlin", r"did you mean Europe/Berlin\?"),
        ("Mon 09:00-16:00 Europe", "is not a time zone"),
        ("Mon 09:00-16:00 Xqzvk", "write one like Europe/Berlin, or UTC"),
    ],
)
def test_a_window_that_is_none_names_the_rule(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_window(text)


TIMES = st.integers(0, 24 * 60 - 1).map(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}")
WEEK = [
    datetime(2026, 3, 23, tzinfo=UTC),
    datetime(2026, 10, 19, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
]


@given(
    st.lists(
        st.tuples(st.sampled_from(["Mon", "Tue-Thu", "Fri-Sun", "Sun-Mon"]), TIMES, TIMES).filter(
            lambda one: one[1] != one[2]
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"]),
    st.sampled_from(WEEK),
    st.integers(0, 10 * 24 * 60),
)
def test_before_the_next_opening_nothing_opens_and_at_it_a_window_is_open(
    windows: list[tuple[str, str, str]], zone: str, week: datetime, minutes: int
) -> None:
    found = [read_window(f"{days} {begins}-{ends} {zone}") for days, begins, ends in windows]
    now = week + timedelta(minutes=minutes)
    opens = next_opening(found, now)
    assert opens is not None
    assert opens > now
    assert is_open(found, opens)
    if not is_open(found, now):
        steps = int((opens - now).total_seconds() // 60)
        assert not any(is_open(found, now + timedelta(minutes=one)) for one in range(0, steps, 7))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-18 18:00 Europe/Berlin", "2026-12-18T17:00Z"),
        ("2026-12-18 Europe/Berlin", "2026-12-17T23:00Z"),
        ("2026-12-18T18:00:30+01:00", "2026-12-18T17:00:30Z"),
        ("2026-12-18T18:00Z", "2026-12-18T18:00Z"),
        ("2026-12-18 18:00 UTC", "2026-12-18T18:00Z"),
        ("2026-03-29 02:30 Europe/Berlin", "2026-03-29T01:30Z"),  # skipped: read with the offset before
        ("2026-10-25 02:30 Europe/Berlin", "2026-10-25T00:30Z"),  # twice: the first
    ],
)
def test_a_moment_has_a_zone(text: str, moment: str) -> None:
    assert read_moment(text) == datetime.fromisoformat(moment)
    assert read_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-12-18 18:00", "must be a date, a time and a time zone"),
        ("tomorrow", "must be a date, a time and a time zone"),
        ("2026-02-30 18:00 UTC", "is not a date and a time"),
        ("2026-12-18 18:00 CEST+", "is not a time zone"),
    ],
)
def test_a_moment_that_is_none_names_the_rule(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment(text)


def test_an_end_is_in_the_future_and_not_too_far_away() -> None:
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert read_end("+90min", now) == now + timedelta(minutes=90)
    assert read_end("+3d", now) == now + timedelta(days=3)
    assert shown(read_end("2026-12-18 18:00 Europe/Berlin", now)) == "2026-12-18 17:00 UTC"
    for text, said in (
        ("2026-12-01 11:00 UTC", "2026-12-01 11:00 UTC is over: give an end in the future"),
        ("+500d", "more than 366 days away"),
        ("2h", r"--until '2h': must be a date, .* Or give a time span: \+90min"),
        ("+0h", "Or give a time span"),
    ):
        with pytest.raises(SlipwayError, match=said):
            read_end(text, now)
