"""The decisions, as text for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from slipway.flow.retention.plan import ImageVerdict

HEAD = ("platform", "application", "commits", "image", "size", "age", "", "why")


def table(verdicts: Sequence[ImageVerdict], now: datetime) -> str:
    """Return a line for each image, those that go first, aligned below a line of headings."""
    lines = [HEAD]
    for one in sorted(verdicts, key=lambda one: (one.keep, one.stored.application, one.stored.made)):
        stored = one.stored
        first = stored.commits[0][:12] if stored.commits else "-"
        more = f" +{len(stored.commits) - 1}" if len(stored.commits) > 1 else ""
        lines.append(
            (
                stored.platform,
                stored.application,
                f"{first}{more}",
                stored.digest[:19] or "-",
                bytes_for_people(stored.size) if stored.size else "-",
                f"{(now - stored.made).days} d",
                "stays" if one.keep else "goes",
                one.reason,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]])
        for line in lines
    )


def summary(verdicts: Sequence[ImageVerdict]) -> str:
    """Return in one line how many go, and what that frees."""
    going = [one.stored for one in verdicts if not one.keep]
    freed = bytes_for_people(sum(one.size for one in going))
    return f"{len(verdicts)} images: {len(verdicts) - len(going)} stay, {len(going)} go ({freed})"


def bytes_for_people(size: int) -> str:
    """Return a size in the unit that leaves few digits."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} GiB"
