"""Which releases still have their images: those that `retention` removed have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.docker.hook import get_registry
from slipway.docker.inputs import repository
from slipway.docker.registry import RegistryClient
from slipway.flow.history import Past
from slipway.flow.image import PIPELINES, Platform
from slipway.flow.record import SlipwayError
from slipway.pipelines.images.records import commit_record

NAMED = 10
"""Releases that a refusal names at most."""


@dataclass(frozen=True)
class Remaining:
    """Where the images of one repository's releases are looked for by their commits."""

    files: Files
    registry: RegistryClient
    tenant: str
    applications: Mapping[str, str]
    """What the application was called, by the commit that was released."""

    def lacking(self, past: Past) -> list[Platform]:
        """Return the platforms for which a release has no image any more."""
        return [platform for platform in past.platforms if not self._has(platform, past.push.commit)]

    def refuse_gone(self, chosen: Past, past: Sequence[Past]) -> None:
        """Let a release be brought back that has all of its images.

        :param past: what else ran in the same place, newest first.
        :raises SlipwayError: naming what is there.
        """
        if not (lacking := self.lacking(chosen)):
            return
        there = ", ".join(map(str, self._there(past))) or "none of the releases before"
        raise SlipwayError(
            f"{chosen} cannot be brought back: its {' and '.join(lacking)} image is not there any more; "
            f"`retention` says in its log what it removes. There are images of: {there}. Name one of these "
            f"commits, or have {' and '.join(PIPELINES[one] for one in lacking)} build this one again."
        )

    def _there(self, past: Sequence[Past]) -> Iterable[Past]:
        # What runs is no release to go back to.
        others = {one.push.commit: one for one in reversed(past) if one.push.commit != past[0].push.commit}
        newest = list(reversed(others.values()))
        return [one for one in newest[:NAMED] if not self.lacking(one)]

    def _has(self, platform: Platform, commit: str) -> bool:
        catalogue = self.files.catalogue
        application = self.applications[commit]
        if platform == "container":
            place = repository(self.tenant, application, catalogue.docker)
            return self.registry.find_manifest(place, commit) is not None
        place = f"{catalogue.generic}/{self.tenant}/{application}/{platform}"
        return self.files.find(commit_record(place, commit)) is not None


@contextmanager
def remaining(tenant: str, applications: Mapping[str, str]) -> Iterator[Remaining]:
    """Log in to the image registry.

    :param applications: what the application was called, by the commits of all releases that are asked for.
    """
    with get_registry().client() as registry:
        yield Remaining(Files(ArtifactoryHook().get_conn()), registry, tenant, applications)
