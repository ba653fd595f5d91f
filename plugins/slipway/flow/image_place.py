"""Where the image registry keeps an application's images, and what the files there are called.

Container images are in a repository of their own, ``KEY/TENANT/APPLICATION``. Images that are files are below
``KEY/TENANT/APPLICATION/PLATFORM``: the bytes and ``image.json`` in a folder for each set of inputs, and in
``commits`` what each commit was built to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, cast

from pydantic import PlainSerializer, PlainValidator

from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.record import CommitId, Digest, Name

COMMITS, INPUTS = "commits", "image.json"
SUFFIXES: dict[Literal["kernel", "ramdisk"], str] = {"kernel": "vmlinuz", "ramdisk": "initrd"}
_PLACE = re.compile(
    r"(?P<key>[^/]+)/(?P<tenant>[^/]+)/(?P<application>[a-z][-a-z0-9]*)"
    rf"(/(?P<platform>{'|'.join(name for name, one in PLATFORMS.items() if one.in_files)}))?"
)
_INPUT_DIGEST = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class ImagePlace:
    """The place of one application's images for one platform.

    :param key: of Artifactory's repository.
    """

    key: str
    tenant: Name
    application: Name
    platform: Platform

    def __str__(self) -> str:
        """The folder, or the container repository."""
        place = f"{self.key}/{self.owner}"
        return f"{place}/{self.platform}" if PLATFORMS[self.platform].in_files else place

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the place that has this text.

        :raises ValueError: when none has.
        """
        named = _PLACE.fullmatch(text)
        if named is None:
            raise ValueError(f"{text!r} is not a path of an application's images")
        platform = cast("Platform", named["platform"] or "container")
        return cls(named["key"], named["tenant"], named["application"], platform)

    @classmethod
    def find(cls, text: str) -> Self | None:
        """Return the place that has this text; None when none has."""
        try:
            return cls.parse(text)
        except ValueError:
            return None

    @property
    def owner(self) -> str:
        """``TENANT/APPLICATION``."""
        return f"{self.tenant}/{self.application}"

    def folder(self, inputs: Digest) -> str:
        """Return where the files are that were made from the inputs with this digest."""
        return f"{self}/{inputs.removeprefix('sha256:')[:40]}"

    def image(self, inputs: Digest, disk_format: str) -> str:
        """Return the path of the image that was made from these inputs."""
        return f"{self.folder(inputs)}/{self.application}.{disk_format}"

    def part(self, inputs: Digest, part: Literal["kernel", "ramdisk"]) -> str:
        """Return the path of the kernel or ramdisk of an image."""
        return self.image(inputs, SUFFIXES[part])

    def inputs_record(self, inputs: Digest) -> str:
        """Return where the image of these inputs is written down."""
        return f"{self.folder(inputs)}/{INPUTS}"

    def commit_record(self, commit: CommitId) -> str:
        """Return where the image of a commit is written down."""
        return f"{self}/{COMMITS}/{commit}.json"


@dataclass(frozen=True)
class PlacedFile:
    """A file in the place of images that are files.

    :param folder: 40 digits of an input digest, or ``commits``.
    """

    place: ImagePlace
    folder: str
    name: str

    @classmethod
    def find(cls, path: str) -> Self | None:
        """Return what a path says; None when it is not Slipway's."""
        place, _, name = path.rpartition("/")
        place, _, folder = place.rpartition("/")
        known = ImagePlace.find(place)
        if known is None or not PLATFORMS[known.platform].in_files or not name:
            return None
        return cls(known, folder, name) if folder == COMMITS or _INPUT_DIGEST.fullmatch(folder) else None

    @property
    def is_of_commit(self) -> bool:
        """Whether it says what a commit was built to."""
        return self.folder == COMMITS

    @property
    def is_of_inputs(self) -> bool:
        """Whether it says what inputs were built to."""
        return not self.is_of_commit and self.name == INPUTS


def _placed(value: Any) -> ImagePlace:
    return value if isinstance(value, ImagePlace) else ImagePlace.parse(str(value))


PlaceField = Annotated[ImagePlace, PlainValidator(_placed), PlainSerializer(str, return_type=str)]
"""A place in a record; text in JSON."""
