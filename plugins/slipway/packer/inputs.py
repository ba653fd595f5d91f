"""The inputs of an image that Packer builds, and the names derived from them. Pure."""

from __future__ import annotations

from uuid import UUID, uuid5

from slipway.flow.image import BaseImage, input_digest
from slipway.flow.record import Record

FORMAT = 1
"""Raised when Slipway's builds from the same inputs change, so that images are built again."""
QCOW2 = "qcow2"
_NAMESPACE = UUID("3b0a3f43-4c3e-4a55-9d0c-6a6e0b2f7f50")


class TemplateInputs(Record):
    """Everything that decides an image, as far as anyone can."""

    template: str
    """Path of the template inside the context."""
    context: str
    """Git's id of the folder that the build sees: the template, its scripts, its files."""
    variables: dict[str, str]
    """Values of variables that stay what they are from run to run."""
    tool: str
    """Packer's version."""
    boot: str
    """How the image was tried."""
    base: BaseImage | None = None
    disk_format: str = QCOW2
    """The output that the template must make."""

    @property
    def digest(self) -> str:
        """The input digest; where the base came from is no part of it, what it is is."""
        return input_digest(
            {
                "format": FORMAT,
                "template": self.template,
                "context": self.context,
                "variables": self.variables,
                "tool": self.tool,
                "boot": self.boot,
                "base": self.base.digest if self.base else None,
                # Images of the usual format keep the digest that they have had.
                **({} if self.disk_format == QCOW2 else {"disk_format": self.disk_format}),
            }
        )


def build_name(application: str, run: str) -> str:
    """Return what everything is called that a run's build makes on its way, in a cloud or on a disk."""
    return f"slipway-build-{application}-{uuid5(_NAMESPACE, run).hex[:16]}"
