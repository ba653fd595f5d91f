"""``bare_metal`` of ``slipway.yaml``: an image for machines, built by diskimage-builder or by Packer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from slipway.flow.fields import RepositoryPath
from slipway.flow.ironic.spec import Ironic
from slipway.flow.machine_image import Boot, GlanceProperty
from slipway.flow.packer import Packer
from slipway.flow.record import Matching, Record

PARTITION, WHOLE_DISK = "baremetal", "vm"
"""The elements that make the one kind of image, and the other."""
_OF_ELEMENTS = (
    *("elements", "elements_path", "release", "base", "packages", "environment", "index_urls"),
    *("filesystem", "size_gib", "compress"),
)
"""Fields that say what diskimage-builder is to do; a template says such things itself."""
SET_BY_SLIPWAY = frozenset(
    {
        "DIB_CHECKSUM",
        "DIB_IMAGE_CACHE",
        "DIB_IMAGE_SIZE",
        "DIB_LOCKFILES",
        "DIB_MIN_TMPFS",
        "DIB_NO_TIMESTAMP",
        "DIB_NO_TMPFS",
        "DIB_PYTHON_EXEC",
        "DIB_QUIET",
        "DIB_RELEASE",
    }
)


def _not_ours(name: str) -> str:
    if name in SET_BY_SLIPWAY:
        rule = "is set by Slipway: remove it; use the fields release and size_gib"
        raise PydanticCustomError("rule", "{rule}", {"rule": rule})
    return name


ElementName = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        "must be the name of an element: letters, digits, `.`, `_` and `-`, like debian-minimal",
        max_length=100,
    ),
]
DibVariable = Annotated[
    str,
    AfterValidator(_not_ours),
    Matching(
        r"^DIB_[A-Z0-9_]+$",
        "must be one of diskimage-builder's variables: DIB_ and capital letters, digits and `_`",
        max_length=100,
    ),
]
DibValue = Annotated[
    str,
    Matching(r"^[^\x00-\x08\x0b-\x1f\x7f]*$", "must be text of at most 4096 characters", max_length=4096),
]
ReleaseName = Annotated[
    str,
    Matching(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "must be a distribution's release, like bookworm or 9-stream"),
]
PackageName = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9.+_:-]*$",
        "must be a package of the distribution: letters, digits and `.+_:-`",
        max_length=128,
    ),
]
HttpUrl = Annotated[
    str,
    Matching(r"^https?://[!-~]+$", "must be a URL, starting with http:// or https://", max_length=1024),
]


class BareMetal(Record):
    """The bare-metal image, and how it runs."""

    elements: Annotated[tuple[ElementName, ...], Field(max_length=100)] = ()
    """diskimage-builder's elements and the application's own, one of them a distribution."""
    packer: Packer | None = None
    """Packer's template instead of elements; it makes a whole disk."""
    elements_path: RepositoryPath = "elements"
    """Folder of the repository that holds the application's own elements; they go before equal names."""
    kind: Literal["partition", "whole_disk"] = "partition"
    """A root file system with its kernel and ramdisk, or a disk with partitions and a boot loader."""
    release: ReleaseName | None = None
    """The distribution's release (``DIB_RELEASE``)."""
    base: bool = True
    """Include the element ``base``, as diskimage-builder does by itself."""
    packages: Annotated[tuple[PackageName, ...], Field(max_length=200)] = ()
    """Further packages of the distribution."""
    environment: dict[DibVariable, DibValue] = {}
    """Variables ``DIB_...`` that elements read. No secrets: whoever can read the image can find them."""
    index_urls: Annotated[tuple[HttpUrl, ...], Field(max_length=20)] = ()
    """Files whose change makes a new image, such as ``repomd.xml`` of a yum repository. What the elements
    use of apt is looked at without being named."""
    filesystem: Literal["ext4", "xfs", "btrfs"] = "ext4"
    size_gib: Annotated[float, Field(ge=0.01, le=4096)] | None = None
    """Size of the image's file system or disk; what it holds and some room when absent."""
    format: Literal["qcow2", "raw"] = "qcow2"
    compress: bool = True
    """Make the qcow2 file small; takes a while."""
    build_seconds: Annotated[int, Field(ge=30, le=86400)] = 3600
    """How long diskimage-builder, or Packer, may take."""
    boot: Boot = Boot()
    """How the image is tried before it is handed on."""
    properties: dict[GlanceProperty, str] = {}
    """Properties of the image in Glance, such as ``os_distro``."""
    ironic: Ironic | None = None
    """How the image runs; it is built and kept, and not deployed, without it."""

    @model_validator(mode="after")
    def _one_builder(self) -> BareMetal:
        if self.packer is None:
            if not self.elements:
                raise ValueError("has no source: give elements (diskimage-builder), or packer (a template)")
            return self
        fields = type(self).model_fields
        if mixed := [name for name in _OF_ELEMENTS if getattr(self, name) != fields[name].default]:
            raise ValueError(
                f"packer replaces {', '.join(mixed)}, which are for diskimage-builder: give one or the other"
            )
        if self.kind != "whole_disk":
            raise ValueError("packer makes whole disks, not partition images: add kind: whole_disk")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> BareMetal:
        other = WHOLE_DISK if self.kind == "partition" else PARTITION
        if other in self.elements:
            raise ValueError(
                f"element {other} makes the other kind of image: remove it from elements, or change kind"
            )
        return self

    @property
    def all_elements(self) -> tuple[str, ...]:
        """The elements that are asked for, with the one that makes this kind of image."""
        kind = PARTITION if self.kind == "partition" else WHOLE_DISK
        return self.elements if kind in self.elements else (*self.elements, kind)
