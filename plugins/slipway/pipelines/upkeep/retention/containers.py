"""The container images that there are, as Artifactory lists their tags."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.listing import Listed, list_below
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import RegistryKey
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind

MANIFEST = "manifest.json"
_OURS = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|in-[0-9a-f]{40}")
"""Tags that Slipway gives: a commit, and the inputs."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""How a manifest is shown that is asked for by its digest; no tag."""


def container_images(
    catalogue: Catalogue, folder: str, owner: Callable[[str], str] = str
) -> Iterator[StoredImage]:
    """Yield the container images below a folder: every manifest that Slipway gave a tag to.

    :param folder: ``TENANT`` or ``TENANT/APPLICATION``.
    :param owner: returns the present name of a repository.
    :raises ArtifactoryError: when Artifactory refuses to tell.
    :raises TransientArtifactoryError: when it does not answer.
    """
    places: dict[ImagePlace, dict[str, list[Listed]]] = defaultdict(lambda: defaultdict(list))
    for one in list_below(catalogue, catalogue.docker, folder):
        *above, tag, name = one.path.split("/")
        if name != MANIFEST or _DIGEST.fullmatch(tag):
            continue
        place = ImagePlace.find("/".join(above))
        if place is not None and place.platform == "container":
            places[place][one.digest].append(one)
    for place, images in places.items():
        owners = {name for tags in images.values() for name in _owners(tags, owner)}
        for digest, tags in images.items():
            if any(_OURS.fullmatch(_tag(one)) for one in tags):
                # Who named a manifest only by its inputs did not say whose it is; the others here did.
                yield _stored(place, digest, tags, _owners(tags, owner) or owners)


def _stored(place: ImagePlace, digest: str, tags: Sequence[Listed], owners: set[str]) -> StoredImage:
    newest = sorted(tags, key=lambda one: one.at, reverse=True)
    names = [_tag(one) for one in newest]
    manifest = Thing(kind=ThingKind.MANIFEST, id=f"{place}@{digest}", digest=digest)
    return StoredImage(
        platform="container",
        place=str(place),
        application=place.application,
        repository=owners.pop() if len(owners) == 1 else "",
        digest=digest,
        names=frozenset((digest, *(f"{place}:{name}" for name in names))),
        commits=tuple(name for name in names if _OURS.fullmatch(name) and not name.startswith("in-")),
        made=newest[0].at,
        hold=_hold(newest),
        needs=frozenset(base for one in tags for base in one.properties.get(RegistryKey.BASES, "").split()),
        things=(
            *(Thing(kind=ThingKind.TAG, id=f"{place}:{name}", digest=digest) for name in names),
            manifest,
        ),
    )


def _hold(tags: Iterable[Listed]) -> str:
    for one in tags:
        if one.properties.get(RegistryKey.HOLD):
            return one.properties[RegistryKey.HOLD]
        if not _OURS.fullmatch(_tag(one)):
            return f"someone else tagged it {_tag(one)}"
    return ""


def _owners(tags: Iterable[Listed], owner: Callable[[str], str]) -> set[str]:
    return {owner(name) for one in tags if (name := one.properties.get(RegistryKey.REPOSITORY))}


def _tag(one: Listed) -> str:
    return one.path.split("/")[-2]
