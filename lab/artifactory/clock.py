"""Times as Artifactory writes them: ISO 8601, UTC, milliseconds; their order is that of their text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

_UNITS = {
    "milliseconds": timedelta(milliseconds=1),
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
    "months": timedelta(days=30),
    "years": timedelta(days=365),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "mi": timedelta(minutes=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "y": timedelta(days=365),
}


def text(moment: datetime) -> str:
    """Write a moment."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Write the present."""
    return text(datetime.now(UTC))


def parse(written: str) -> datetime:
    """Read what ISO 8601 allows; without a zone it is UTC.

    :raises ValueError: when it is no moment.
    """
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def ago(span: str) -> str:
    """Write the moment that is ``span`` (``2w``, ``30minutes``) before the present, as AQL names spans.

    :raises ValueError: when it is no span.
    """
    found = re.fullmatch(r"(\d{1,6})([a-z]+)", span)
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"{span!r} is not a span of time; expected a number and one of {', '.join(_UNITS)}")
    return text(datetime.now(UTC) - int(found[1]) * _UNITS[found[2]])


def http(written: str) -> str:
    """Write a moment for the header ``Last-Modified``."""
    return format_datetime(parse(written).replace(microsecond=0), usegmt=True)


def milliseconds(written: str | None) -> int:
    """Return a moment in milliseconds since 1970; 0 for none."""
    return int(parse(written).timestamp() * 1000) if written else 0
