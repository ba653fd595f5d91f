"""A release: the images of one commit, all of them or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from slipway.flow.image import Built, Image
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Record, SlipwayError

NOTHING = "nothing"


class SupersededError(SlipwayError):
    """A newer push of the application is in place, or on its way."""


class Release(Record):
    """The images of one push to deploy, by platform; undeclared platforms are absent."""

    push: PushEvent
    images: dict[Platform, Image]
    deploy: bool = True

    @property
    def name(self) -> str:
        """Twelve digits of the commit: what names of servers, pods and objects carry."""
        return self.push.short_commit


class ReleaseRow(Record):
    """One platform in the table that says what a run made of a release."""

    platform: str
    before: str
    """What was kept when the run came."""
    tried: str
    now: str
    """The state at the end."""


def assemble(builts: Iterable[Built]) -> Release:
    """Put what the pipelines handed on for one push together.

    :raises SlipwayError: when they are of different commits, or none came.
    """
    handed = list(builts)
    if len({built.push.partition_key for built in handed}) != 1:
        keys = sorted({built.push.partition_key for built in handed})
        raise SlipwayError(
            f"a release takes images of one commit, and these are of: {', '.join(keys) or 'none'}"
        )
    return Release(
        push=handed[0].push,
        images={built.platform: built.image for built in handed if built.image is not None},
        deploy=all(built.deploy for built in handed),
    )


def version(commit: str, digest: str) -> str:
    """Return what people call one version of an application on one platform."""
    return f"{commit[:12]} ({digest[:19]})"


def refuse_older(push: PushEvent, commit: str, at: datetime) -> None:
    """Let ``push`` go on unless the one of ``commit`` is newer: the newest always wins.

    :param at: when ``commit`` was pushed.
    :raises SupersededError: naming the newer one.
    """
    if at > push.at:
        raise SupersededError(
            f"{commit[:12]}, pushed at {at:%Y-%m-%d %H:%M:%S} UTC, is newer than "
            f"{push.short_commit}, pushed at {push.at:%Y-%m-%d %H:%M:%S} UTC: nothing is rolled out"
        )


def table(rows: Sequence[ReleaseRow]) -> str:
    """Return the rows as text, aligned, below a line of headings."""
    lines = [("platform", "before", "tried", "now")]
    lines += [(row.platform, row.before, row.tried, row.now) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]])
        for line in lines
    )
