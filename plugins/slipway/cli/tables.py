"""What the command prints of pushes: a block for each, a line for each field."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from slipway.cli.status import PlatformStatus, PushStatus

_STYLES = {"running": "green", "failed": "red", "building": "yellow", "deploying": "yellow"}
_LINE = 500
_INDENT = 21
"""Of a field's value."""


def console() -> Console:
    """Return a console that neither wraps nor colours nor redraws when its output is not a terminal."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    # FORCE_COLOR in the environment would make it a terminal all the same.
    return Console(highlight=False, force_terminal=False, width=400, soft_wrap=True)


def print_statuses(out: Console, statuses: Iterable[PushStatus], now: datetime | None = None) -> None:
    """Print every push with its platforms, one line a field, so that long digests are never cut."""
    moment = now or datetime.now(UTC)
    for status in statuses:
        title = f"{status.repository} at {status.commit} ({printable(status.ref)})"
        out.print(Text(title, style="bold"), soft_wrap=True)
        for name, platform in status.platforms.items():
            _print_platform(out, name, platform, moment)


def _print_platform(out: Console, name: str, platform: PlatformStatus, now: datetime) -> None:
    fields = {
        "state": _state(platform, now),
        "error" if platform.state == "failed" else "detail": platform.detail,
        "log": platform.log,
        "digest": platform.digest,
        # Without the digest, which has a line of its own: it fits a terminal.
        "image": platform.image and platform.image.partition("@")[0],
        "glance": str(platform.glance) if platform.glance else None,
        "runs in": platform.running and f"{platform.running} ({platform.environment})",
        "url": platform.url,
    }
    for label, value in fields.items():
        for line in _lines(out, label, value):
            shown = line if isinstance(line, Text) else Text(line)
            # An address or a digest that is cut into two lines can be neither clicked nor copied.
            out.print(Text(f"  {name:<10}  {label:<7}  ").append_text(shown), soft_wrap=True)
            name = label = ""


def _lines(out: Console, label: str, value: str | Text | None) -> list[str] | list[Text]:
    if not value:
        return []
    if isinstance(value, Text):
        return [value]
    if label in ("error", "detail") and out.is_terminal:
        return textwrap.wrap(printable(value), max(out.width - _INDENT, _INDENT))
    return [printable(value)]


def _state(platform: PlatformStatus, now: datetime) -> Text:
    shown = Text(platform.state, style=_STYLES.get(platform.state, ""))
    if platform.since:
        shown.append(f", since {platform.since:%Y-%m-%d %H:%M:%S %Z} ({ago(now, platform.since)} ago)")
    return shown


def ago(now: datetime, then: datetime) -> str:
    """Return the time between the two in its two largest units: ``3 min 20 s``."""
    seconds = max(0, int((now - then).total_seconds()))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for unit, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def printable(line: str) -> str:
    """Return ``line`` capped and without control characters: what builds, pods and pages say is not ours."""
    return "".join(character if character.isprintable() else " " for character in line[:_LINE])
