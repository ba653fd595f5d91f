"""What an image is built from by Packer: a template, and a base that it is built upon.

``vm`` and ``bare_metal.packer`` of ``slipway.yaml`` are records of this type.
"""

from __future__ import annotations

import posixpath
from typing import Annotated, Self
from uuid import UUID

from pydantic import model_validator

from slipway.flow.fields import EnvName, RepositoryPath
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


class PackerBase(Record):
    """What the image is built upon: an image in Glance, or a file in Artifactory (just one of them)."""

    glance: UUID | None = None
    """Id of an image."""
    artifactory: ArtifactPath | None = None
    """Path of a file: ``KEY/FOLDER/FILE``."""
    digest: Digest | None = None
    """Refuse any other bytes than these."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.glance is None) == (self.artifactory is None):
            raise ValueError("a base needs exactly one of glance and artifactory")
        return self


class Packer(Record):
    """An image that Packer builds from a template."""

    template: RepositoryPath
    """Packer's template: a ``.json`` or ``.pkr.hcl`` file, or a folder of the latter."""
    context: RepositoryPath | None = None
    """Folder that the build sees; the template's own when absent."""
    base: PackerBase
    """What it is built upon."""
    variables: dict[EnvName, str] = {}
    """Values of the template's variables. No secrets: whoever can read the image can find them."""

    @property
    def folder(self) -> str:
        """The folder that the build sees, ``.`` for the repository's root."""
        if self.context is not None:
            return posixpath.normpath(self.context)
        is_file = self.template.endswith((".json", ".hcl"))
        return posixpath.normpath(posixpath.dirname(self.template) if is_file else self.template) or "."

    @model_validator(mode="after")
    def _template_is_seen(self) -> Self:
        template = posixpath.normpath(self.template)
        if self.folder != "." and template != self.folder and not template.startswith(f"{self.folder}/"):
            raise ValueError(
                f"template {self.template} is outside of context {self.context}, and the build sees only "
                "that folder: move it there, or name a folder that contains both"
            )
        return self
