"""The images of servers and machines that there are: files of Artifactory, and their copies in Glance."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from openstack.image.v2.image import Image as GlanceImage
from pydantic import ValidationError

from slipway.artifactory.files import Files
from slipway.artifactory.listing import Listed, list_below
from slipway.flow.image import Image
from slipway.flow.image_place import INPUTS, ImagePlace, PlacedFile
from slipway.flow.property_keys import CloudKey, RegistryKey
from slipway.flow.retention.stored import StoredImage, Thing, ThingKind
from slipway.openstack.glance.holds import why_held

log = logging.getLogger(__name__)

Copies = Mapping[str, Sequence[GlanceImage]]
"""Images of Glance that Slipway made, by the connection of the cloud."""
PARTS = "aki", "ari"
"""Glance's formats of kernels and ramdisks."""


@dataclass
class Gathered:
    """The things of one image, found in one store after the other."""

    folder: str
    """:meth:`slipway.flow.image_place.ImagePlace.folder`."""
    bytes: list[Listed] = field(default_factory=list)
    inputs: list[Listed] = field(default_factory=list)
    commits: list[Listed] = field(default_factory=list)
    records: list[Image] = field(default_factory=list)
    """The content of the files of ``inputs`` and ``commits``."""
    copies: dict[str, list[GlanceImage]] = field(default_factory=dict)
    """In Glance, by the connection of the cloud."""
    strange: str = ""
    """Why it is not to be touched."""

    @property
    def place(self) -> ImagePlace:
        """Whose images it is among."""
        return ImagePlace.parse(self.folder.rpartition("/")[0])

    def owners(self, owner: Callable[[str], str]) -> set[str]:
        """Return its owner under the present name, by its things."""
        told = [one.properties.get(RegistryKey.REPOSITORY, "") for one in self.bytes]
        told += [record.repository for record in self.records]
        told += [str(copy.properties.get(CloudKey.REPOSITORY, "")) for copy in self.in_glance]
        return {owner(name) for name in told if name}

    @property
    def in_glance(self) -> list[GlanceImage]:
        """Its copies in all clouds."""
        return [copy for copies in self.copies.values() for copy in copies]


def machine_images(
    files: Files, folder: str, copies: Copies, owner: Callable[[str], str] = str
) -> Iterator[StoredImage]:
    """Yield the images of servers and machines below a folder.

    :param folder: ``TENANT`` or ``TENANT/APPLICATION``.
    :param copies: what Glance has, at least of this folder.
    :param owner: returns the present name of a repository.
    :raises SlipwayError: when a store refuses to tell.
    :raises TransientError: when a store does not answer.
    """
    found: dict[str, Gathered] = {}
    generic = files.catalogue.generic
    for one in list_below(files.catalogue, generic, folder):
        if placed := PlacedFile.find(one.path):
            _gather(files, found, one, placed)
    for cloud, images in copies.items():
        for copy in images:
            path = str(copy.properties[CloudKey.KEY]).partition("@")[0]
            if path.startswith(f"{generic}/{folder}/") and _is_image(path):
                _at(found, path).copies.setdefault(cloud, []).append(copy)
    owners: dict[ImagePlace, set[str]] = defaultdict(set)
    for gathered in found.values():
        owners[gathered.place] |= gathered.owners(owner)
    for gathered in found.values():
        yield stored(gathered, gathered.owners(owner) or owners[gathered.place])


def stored(found: Gathered, owners: set[str]) -> StoredImage:
    """Return the image that was gathered.

    :param owners: whose it is: one name, or it is unknown.
    """
    disks = [str(copy.id) for copy in found.in_glance if copy.disk_format not in PARTS]
    listed = [*found.bytes, *found.inputs, *found.commits]
    commits = sorted(found.commits, key=lambda one: one.at, reverse=True)
    digests = {record.digest for record in found.records} or {one.digest for one in found.bytes}
    holds = (found.strange, *_holds(found))
    return StoredImage(
        platform=found.place.platform,
        place=str(found.place),
        application=found.place.application,
        repository=next(iter(owners)) if len(owners) == 1 else "",
        digest=min(digests, default=""),
        # A part's path is not among them: who shares a kernel was not built upon the image.
        names=frozenset((*digests, *disks, *(record.reference for record in found.records))),
        commits=tuple(one.path.rpartition("/")[2].removesuffix(".json") for one in commits),
        made=max([one.at for one in listed] + [_time(copy) for copy in found.in_glance]),
        hold=next(filter(None, holds), ""),
        needs=frozenset(_needs(found)),
        things=tuple(_things(found)),
    )


def _gather(files: Files, found: dict[str, Gathered], one: Listed, placed: PlacedFile) -> None:
    if not placed.is_of_commit and not placed.is_of_inputs:
        image = _at(found, one.path)
        image.bytes.append(one)
        if RegistryKey.SHA512 not in one.properties:
            image.strange = f"{placed.name} beside it is not Slipway's"
        return
    record = _read(files, one.path)
    if placed.is_of_commit:
        ours = record is not None and record.reference.startswith(f"{placed.place}/")
        if record is not None and ours and _is_image(record.reference):
            image = _at(found, record.reference)
            image.commits.append(one)
            image.records.append(record)
        return
    image = _at(found, one.path)
    image.inputs.append(one)
    if record is None:
        image.strange = f"{INPUTS} cannot be read by this version of Slipway"
    else:
        image.records.append(record)


def _is_image(path: str) -> bool:
    placed = PlacedFile.find(path)
    return placed is not None and not placed.is_of_commit


def _read(files: Files, path: str) -> Image | None:
    try:
        return Image.from_json(files.find_json(path))
    except ValidationError:
        log.warning("%s is not a record of this version: it is kept", path)
        return None


def _at(found: dict[str, Gathered], path: str) -> Gathered:
    folder = path.rpartition("/")[0]
    return found.setdefault(folder, Gathered(folder))


def _holds(found: Gathered) -> Iterator[str]:
    yield from (one.properties.get(RegistryKey.HOLD, "") for one in found.bytes)
    yield from (why_held(copy) for copy in found.in_glance)


def _needs(found: Gathered) -> Iterator[str]:
    for record in found.records:
        for base in record.bases:
            yield from (base.digest, base.reference)
        for part in record.parts.values():
            yield from (part.reference, str(part.glance))
    for copy in found.in_glance:
        yield from (str(part) for part in (copy.kernel_id, copy.ramdisk_id) if part)


def _things(found: Gathered) -> Iterator[Thing]:
    for kind, files in (
        (ThingKind.COMMIT_RECORD, found.commits),
        (ThingKind.INPUTS_RECORD, found.inputs),
        (ThingKind.FILE, found.bytes),
    ):
        for one in files:
            yield Thing(kind=kind, id=one.path, digest=one.digest, size=one.size)
    for cloud, copies in found.copies.items():
        for copy in copies:
            kind = ThingKind.GLANCE_PART if copy.disk_format in PARTS else ThingKind.GLANCE_IMAGE
            digest = f"{copy.hash_algo}:{copy.hash_value}"
            yield Thing(kind=kind, id=str(copy.id), store=cloud, digest=digest, size=copy.size or 0)


def _time(copy: GlanceImage) -> datetime:
    return datetime.fromisoformat(str(copy.created_at)).astimezone(UTC)
