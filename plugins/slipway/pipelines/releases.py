"""The release of a commit that was built before, for a person who asks for it."""

from __future__ import annotations

from pydantic import ValidationError

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.catalogue import find_commit_image
from slipway.docker.hook import get_registry
from slipway.docker.inputs import repository
from slipway.flow.image import PIPELINES, Image, Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.release import Release
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.pipelines.images.commit import read_spec
from slipway.pipelines.images.records import commit_record
from slipway.pipelines.outcome import NothingToDo


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
    place = repository(tenant, spec.name, ArtifactoryHook().get_conn().docker)
    registry = get_registry()
    where = f"{registry.host}/{place}"
    with registry.client() as client:
        found = find_commit_image(client, place, push.commit)
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
    place = f"{catalogue.generic}/{tenant}/{spec.name}/{platform}"
    path = commit_record(place, push.commit)
    value = Files(catalogue).find_json(path)
    try:
        image = None if value is None else Image.from_json(value)
    except ValidationError:
        return path, None
    if image is not None and (image.platform, image.application) != (platform, spec.name):
        raise SlipwayError(f"{path} is the record of another image. Delete it, and build the commit again.")
    return path, image
