"""What the command prints: tables for a terminal, plain lines for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipway.cli.status import PlatformStatus, PushStatus

_STYLES = {"running": "green", "failed": "red", "building": "yellow", "deploying": "yellow"}
_LINE = 500


def console() -> Console:
    """Return a console that neither wraps nor colours when its output is not a terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=400, soft_wrap=True)


def print_statuses(out: Console, statuses: Iterable[PushStatus], now: datetime | None = None) -> None:
    """Print every push with its platforms, one line a field, so that long digests are never cut."""
    moment = now or datetime.now(UTC)
    for status in statuses:
        title = f"{status.repository} at {status.commit} ({printable(status.ref)})"
        out.print(Text(title, style="bold"), overflow="fold")
        for name, platform in status.platforms.items():
            _print_platform(out, name, platform, moment)


def _print_platform(out: Console, name: str, platform: PlatformStatus, now: datetime) -> None:
    fields = {
        "state": _state(platform, now),
        "digest": platform.digest,
        "image": platform.image,
        "glance": platform.glance and str(platform.glance),
        "runs in": platform.running and f"{platform.running} ({platform.environment})",
        "url": platform.url,
    }
    for label, value in fields.items():
        if value:
            shown = value if isinstance(value, Text) else Text(printable(value))
            out.print(Text(f"  {name:<10}  {label:<7}  ").append_text(shown), overflow="fold")
            name = ""


def release_table(status: PushStatus, now: datetime | None = None) -> Table:
    """Return one push as a table: platform, image digest, where the image is, what runs it, since when."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("platform", "image digest", "where it is", "what runs it", "since"):
        shown.add_column(title, overflow="fold")
    for name, platform in status.platforms.items():
        shown.add_row(
            name,
            platform.digest or "",
            Text(_places(platform)),
            Text(printable(platform.running or platform.detail or platform.state)),
            f"{platform.since:%H:%M:%S %Z} ({ago(now or datetime.now(UTC), platform.since)} ago)"
            if platform.since
            else "",
        )
    return shown


def _places(platform: PlatformStatus) -> str:
    """The image's reference without its digest, which has a column of its own, and its id in Glance."""
    places = [printable(platform.image.partition("@")[0])] if platform.image else []
    return "\n".join([*places, *([f"glance {platform.glance}"] if platform.glance else [])])


def _state(platform: PlatformStatus, now: datetime) -> Text:
    shown = Text(platform.state, style=_STYLES.get(platform.state, ""))
    if platform.since:
        shown.append(f", since {platform.since:%Y-%m-%d %H:%M:%S %Z} ({ago(now, platform.since)} ago)")
    if platform.detail:
        shown.append(f": {printable(platform.detail)}")
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
