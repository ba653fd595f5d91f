"""Moments that people write: a date, a time and a time zone; or, from now on, a time span.

Between the hours that a clock skips or repeats, RFC 5545 (3.3.5) is followed: a time that is skipped is read
with the offset before the change, and of a time that comes twice the first is meant.
https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AwareDatetime

from slipway.flow.errors import SlipwayError
from slipway.flow.record import Matching

MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)? ?(Z|[+-]\d{2}:\d{2}|[A-Za-z][A-Za-z0-9_+/-]*)$"
EXAMPLE = "`2026-12-18 18:00 Europe/Berlin`"
LONGEST = timedelta(days=366)
_PARTS = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?))? ?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2}|[A-Za-z]\S*)"
)
_OFFSET = re.compile(r"Z|[+-]\d{2}:\d{2}")
_SPAN = re.compile(r"\+(?P<number>[1-9]\d{0,4})(?P<unit>min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@lru_cache(maxsize=256)
def read_zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database.

    :raises ValueError: when there is none of this name; it names the nearest.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = {one.casefold(): one for one in available_timezones()}
        near = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.5)
        cure = f"did you mean {known[near[0]]}?" if near else "write one like Europe/Berlin, or UTC"
        raise ValueError(f"{name} is not a time zone of the IANA database; {cure}") from None


def read_moment(text: str) -> datetime:
    """Return the moment, in UTC.

    :param text: ``2026-12-18 18:00 Europe/Berlin``, or with an offset, as ISO 8601 writes it. The time is
        00:00 when it is left out.
    :raises ValueError: when it is no such moment.
    """
    found = _PARTS.fullmatch(text)
    if found is None:
        raise ValueError(f"must be a date, a time and a time zone, like {EXAMPLE}")
    date, time, zone = found["date"], found["time"] or "00:00", found["zone"]
    try:
        if _OFFSET.fullmatch(zone):
            return datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(UTC)
        local = datetime.fromisoformat(f"{date}T{time}")
    except ValueError:
        raise ValueError(f"{date} {time} is not a date and a time; write them like {EXAMPLE}") from None
    return to_utc(local, read_zone(zone))


def read_end(text: str, now: datetime) -> datetime:
    """Return the moment, in UTC, at which something ends that begins now.

    :param text: a moment, or a time span from now on: ``+90min``, ``+2h``, ``+3d``.
    :raises SlipwayError: when it is neither, or not in the future.
    """
    try:
        span = _SPAN.fullmatch(text)
        end = now + timedelta(**{_UNITS[span["unit"]]: int(span["number"])}) if span else read_moment(text)
    except ValueError as error:
        raise SlipwayError(f"--until {text!r}: {error}. Or give a time span: +90min, +2h, +3d.") from None
    check_end(end, now)
    return end.replace(microsecond=0)


def check_end(end: datetime, now: datetime) -> None:
    """Check the end of something that begins now.

    :raises SlipwayError: when it is over already, or too far away.
    """
    if end <= now:
        raise SlipwayError(f"{shown(end)} is over: give an end in the future.")
    if end - now > LONGEST:
        raise SlipwayError(f"{shown(end)} is more than {LONGEST.days} days away: give an earlier end.")


def to_utc(local: datetime, zone: tzinfo) -> datetime:
    """Return the moment at which a clock of ``zone`` shows ``local``."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def shown(moment: datetime, zone: tzinfo = UTC) -> str:
    """Return a moment for people, as a clock of ``zone`` shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _readable(text: str) -> str:
    read_moment(text)
    return text


MomentText = Annotated[
    str,
    Matching(MOMENT, f"must be a date, a time and a time zone, like {EXAMPLE}", max_length=80),
    AfterValidator(_readable),
]


def _in_utc(value: datetime) -> datetime:
    try:
        found = value.astimezone(UTC)
    except OverflowError:
        found = value
    if not 1970 <= found.year <= 9000:
        raise ValueError("must be a time of the years 1970 to 9000")
    return found


UtcMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time that a database keeps and computes with: PostgreSQL takes no offset of more than 15 hours."""
