"""Images that were built before: the release of a commit that a person asks for, and which releases still
have theirs; those that `retention` removed have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.catalogue import find_commit_image
from slipway.docker.hook import get_registry
from slipway.docker.registry import RegistryClient
from slipway.flow.history import Past
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace
from slipway.flow.platforms import PIPELINES, Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.release import Release
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.pipelines.images.commit import read_spec
from slipway.pipelines.task_endings import NothingToDo

NAMED = 10
"""Releases that a refusal names at most."""


def release_asked_for(push: PushEvent) -> Release:
    """Return the images that were built of a commit, for every platform that it declares.

    :raises SlipwayError: when one is not there.
    """
    tenant = load_apps().get(push.repository).tenant
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
    wanted: list[Platform] = [platform for platform in PIPELINES if getattr(spec, platform) is not None]
    if not wanted:
        raise NothingToDo(f"slipway.yaml of {push.repository} at {push.short_commit} declares no image")
    return Release(push=push, images={platform: _image(push, spec, tenant, platform) for platform in wanted})


def _image(push: PushEvent, spec: BuildSpec, tenant: str, platform: Platform) -> Image:
    if platform == "container":
        where, image = _container(push, spec, tenant)
    else:
        where, image = _file(push, spec, tenant, platform)
    if image is None:
        raise SlipwayError(
            f"{where} has no image of {push.short_commit}. Start `{PIPELINES[platform]}` for this commit "
            "first, with *Deploy it too* ticked."
        )
    return image


def _container(push: PushEvent, spec: BuildSpec, tenant: str) -> tuple[str, Image | None]:
    place = ImagePlace(ArtifactoryHook().get_conn().docker, tenant, spec.name, "container")
    registry = get_registry()
    where = f"{registry.host}/{place}"
    with registry.client() as client:
        found = find_commit_image(client, str(place), push.commit)
    if found is None:
        return where, None
    manifest, maker, inputs = found
    image = Image(
        platform="container",
        application=spec.name,
        repository=push.repository,
        commit=maker,
        digest=manifest.digest,
        input_digest=inputs,
        reference=f"{where}@{manifest.digest}",
    )
    return where, image


def _file(push: PushEvent, spec: BuildSpec, tenant: str, platform: Platform) -> tuple[str, Image | None]:
    catalogue = ArtifactoryHook().get_conn()
    path = ImagePlace(catalogue.generic, tenant, spec.name, platform).commit_record(push.commit)
    value = Files(catalogue).find_json(path)
    try:
        image = None if value is None else Image.from_json(value)
    except ValidationError:
        return path, None
    if image is not None and (image.platform, image.application) != (platform, spec.name):
        raise SlipwayError(f"{path} is the record of another image. Delete it, and build the commit again.")
    return path, image


@dataclass(frozen=True)
class Remaining:
    """Where the images of one repository's releases are looked for by their commits."""

    files: Files
    registry: RegistryClient
    tenant: str
    applications: Mapping[str, str]
    """The application's name, by the commit that was released."""

    def lacking(self, past: Past) -> list[Platform]:
        """Return the platforms for which a release has no image any more."""
        return [platform for platform in past.platforms if not self._has(platform, past.push.commit)]

    def refuse_gone(self, chosen: Past, past: Sequence[Past]) -> None:
        """Refuse a release that lacks one of its images.

        :param past: what else ran in the same place, newest first.
        :raises SlipwayError: naming what is there.
        """
        if not (lacking := self.lacking(chosen)):
            return
        there = ", ".join(map(str, self._there(past))) or "no earlier release"
        raise SlipwayError(
            f"{chosen} cannot be restored: its {' and '.join(lacking)} image no longer exists; "
            f"the log of `retention` lists what it removed. There are images of: {there}. Name one of these "
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
            place = ImagePlace(catalogue.docker, self.tenant, application, platform)
            return self.registry.find_manifest(str(place), commit) is not None
        place = ImagePlace(catalogue.generic, self.tenant, application, platform)
        return self.files.find(place.commit_record(commit)) is not None


@contextmanager
def remaining(tenant: str, applications: Mapping[str, str]) -> Iterator[Remaining]:
    """Log in to the image registry.

    :param applications: what the application was called, by the commits of all releases that are asked for.
    """
    with get_registry().client() as registry:
        yield Remaining(Files(ArtifactoryHook().get_conn()), registry, tenant, applications)
