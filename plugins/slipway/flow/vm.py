"""``vm`` of ``slipway.yaml``: a virtual machine's image, built by Packer."""

from __future__ import annotations

import posixpath
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from slipway.flow.fields import EnvName, RepositoryPath
from slipway.flow.nova import Nova
from slipway.flow.record import Digest, Matching, Record

ArtifactPath = Annotated[
    str,
    Matching(
        r"^(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9._@+-]+)+$",
        "must be a path in the image registry, starting with a repository's key, like "
        "generic-local/bases/debian-12.qcow2",
        max_length=512,
    ),
]
GlanceProperty = Annotated[
    str,
    Matching(
        r"^(os_(distro|version|type|admin_user)|(hw|img)_[a-z0-9_:]{1,60})$",
        "must be os_distro, os_version, os_type, os_admin_user or start with hw_ or img_",
        max_length=80,
    ),
]
Printed = Annotated[
    str, Matching(r"^[!-~]([ -~]{0,200}[!-~])?$", "must be printable text of at most 200 characters")
]


class VmBase(Record):
    """What the image is built upon: an image in Glance, or a file in Artifactory (just one of them)."""

    glance: UUID | None = None
    """Id of an image."""
    artifactory: ArtifactPath | None = None
    """Path of a file: ``KEY/FOLDER/FILE``."""
    digest: Digest | None = None
    """Refuse any other bytes than these."""

    @model_validator(mode="after")
    def _one_place(self) -> VmBase:
        if (self.glance is None) == (self.artifactory is None):
            raise ValueError("a base has exactly one of glance and artifactory")
        return self


class Boot(Record):
    """How the image is tried before it is handed on: it boots, and says so on its serial console."""

    says: Printed = "login:"
    """What it prints, besides the commit when the template takes ``slipway_commit``."""
    ssh: bool = False
    """It must answer on port 22, too."""
    within_seconds: Annotated[int, Field(ge=5, le=3600)] = 300
    memory_mib: Annotated[int, Field(ge=64, le=65536)] = 1024


class Vm(Record):
    """The virtual machine's image, and how it runs."""

    template: RepositoryPath
    """Packer's template: a ``.json`` or ``.pkr.hcl`` file, or a folder of the latter."""
    context: RepositoryPath | None = None
    """Folder that the build sees; the template's own when absent."""
    base: VmBase
    """What it is built upon."""
    variables: dict[EnvName, str] = {}
    """Values of the template's variables. No secrets: whoever can read the image can find them."""
    build_seconds: Annotated[int, Field(ge=30, le=86400)] = 3600
    """How long Packer may take."""
    boot: Boot = Boot()
    properties: dict[GlanceProperty, str] = {}
    """Properties of the image in Glance, such as ``os_distro`` and ``hw_disk_bus``."""
    nova: Nova | None = None
    """How the image runs; it is built and kept, and not deployed, without it."""

    @property
    def folder(self) -> str:
        """The folder that the build sees, ``.`` for the repository's root."""
        if self.context is not None:
            return posixpath.normpath(self.context)
        is_file = self.template.endswith((".json", ".hcl"))
        return posixpath.normpath(posixpath.dirname(self.template) if is_file else self.template) or "."

    @model_validator(mode="after")
    def _template_is_seen(self) -> Vm:
        template = posixpath.normpath(self.template)
        if self.folder != "." and template != self.folder and not template.startswith(f"{self.folder}/"):
            raise ValueError(
                f"template {self.template} is outside of context {self.context}, which is all that the build "
                "sees: move it there, or name a folder that holds both"
            )
        return self
