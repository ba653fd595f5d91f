"""Windows: when in a week an environment takes releases, ``Mon-Thu 09:00-16:00 Europe/Berlin``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from slipway.flow.moments import read_zone, to_utc
from slipway.flow.record import Matching

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
WINDOW = rf"^{_DAY}(-{_DAY})?(,{_DAY}(-{_DAY})?)* \d{{2}}:\d{{2}}-\d{{2}}:\d{{2}} [A-Za-z][A-Za-z0-9_+/-]*$"
RULE = (
    "must be days, times and a time zone, like `Mon-Thu 09:00-16:00 Europe/Berlin` or"
    " `Fri,Sat 22:00-02:00 UTC` (until two hours after midnight)"
)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_MIDNIGHT = "24:00"
WEEK = 7


@dataclass(frozen=True)
class Window:
    """Times of a week, on a clock of a time zone."""

    days: frozenset[int]
    """On which it begins; Monday is 0."""
    begins: time
    ends: time
    next_day: bool
    """It ends on the day after it began."""
    zone: ZoneInfo

    def intervals(self, around: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield its beginnings and ends in UTC, in order: from the day before a moment to a week after it.

        The day on which the clock skips a whole window has none.
        """
        today = around.astimezone(self.zone).date()
        for number in range(-1, WEEK + 2):
            day = today + timedelta(days=number)
            if day.weekday() not in self.days:
                continue
            begins = self._moment(day, self.begins)
            ends = self._moment(day + timedelta(days=self.next_day), self.ends)
            if begins < ends:
                yield begins, ends

    def _moment(self, day: date, at: time) -> datetime:
        return to_utc(datetime.combine(day, at), self.zone)


@lru_cache(maxsize=1024)
def read_window(text: str) -> Window:
    """Return the window that a person wrote.

    :raises ValueError: with the rule and the cure.
    """
    if not re.fullmatch(WINDOW, text):
        raise ValueError(RULE)
    days, times, zone = text.split(" ")
    begins, _, ends = times.partition("-")
    if begins == ends:
        raise ValueError(f"begins and ends at {begins}: for the whole day, write 00:00-24:00")
    first, last = _time(begins), time() if ends == _MIDNIGHT else _time(ends)
    return Window(frozenset(_days(days)), first, last, next_day=last <= first, zone=read_zone(zone))


def is_open(windows: Iterable[Window], now: datetime) -> bool:
    """Say whether one of the windows is open."""
    return any(begins <= now < ends for one in windows for begins, ends in one.intervals(now))


def next_opening(windows: Iterable[Window], now: datetime) -> datetime | None:
    """Return when a window opens next, after ``now``; None when none does within a week."""
    openings = (begins for one in windows for begins, _ in one.intervals(now) if begins > now)
    return min(openings, default=None)


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        yield from (number % WEEK for number in range(begin, end + 1 if begin <= end else end + WEEK + 1))


def _time(text: str) -> time:
    if not (found := _TIME.fullmatch(text)):
        raise ValueError(f"{text} is not a time of the day: write 00:00 to 23:59, or 24:00 at the end")
    return time(int(found[1]), int(found[2]))


def _readable(text: str) -> str:
    read_window(text)
    return text


WindowText = Annotated[str, Matching(WINDOW, RULE, max_length=120), AfterValidator(_readable)]
