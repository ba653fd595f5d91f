"""A release: the images of one commit, all of them or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from slipway.flow.image import Built, Image, Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Record, SlipwayError


class Release(Record):
    """What one push wants to run, by platform; a platform that the application lacks is absent."""

    push: PushEvent
    images: dict[Platform, Image]
    deploy: bool = True

    @property
    def name(self) -> str:
        """Twelve digits of the commit: what names of servers, pods and objects carry."""
        return self.push.short_commit


def assemble(builts: Iterable[Built]) -> Release:
    """Put what the pipelines handed on for one push together.

    :raises SlipwayError: when they are of different commits, or none came.
    """
    handed = list(builts)
    if len({built.push.partition_key for built in handed}) != 1:
        keys = sorted({built.push.partition_key for built in handed})
        raise SlipwayError(f"a release is one commit's images, and these are of: {', '.join(keys) or 'none'}")
    return Release(
        push=handed[0].push,
        images={built.platform: built.image for built in handed if built.image is not None},
        deploy=all(built.deploy for built in handed),
    )
