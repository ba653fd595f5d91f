"""The platforms: what images are built for, and releases go to.

Another one begins here; which plan a release has on it: :mod:`slipway.flow.plans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Platform = Literal["vm", "bare_metal", "container"]
"""What an image is for, as ``slipway.yaml`` calls it."""


@dataclass(frozen=True)
class KnownPlatform:
    """One platform.

    :param label: what its images run on, for people.
    :param image: what people call its images.
    :param in_files: its images are files in Artifactory, with copies in Glance; or else manifests in the
        container registry.
    """

    name: Platform
    label: str
    image: str
    in_files: bool = True

    @property
    def pipeline(self) -> str:
        """The DAG that builds its images."""
        return f"{self.name}_image"

    @property
    def asset(self) -> str:
        """Airflow's asset of what the pipeline hands on."""
        return f"slipway_{self.pipeline}"

    @property
    def asset_uri(self) -> str:
        """The asset's address."""
        return f"slipway://image/{self.name.replace('_', '-')}"


PLATFORMS: Mapping[Platform, KnownPlatform] = {
    one.name: one
    for one in (
        KnownPlatform("container", "Kubernetes", "container image", in_files=False),
        KnownPlatform("vm", "OpenStack Nova", "VM image"),
        KnownPlatform("bare_metal", "OpenStack Ironic", "bare-metal image"),
    )
}
PIPELINES: Mapping[Platform, str] = {name: one.pipeline for name, one in PLATFORMS.items()}
"""The DAGs that build, by platform."""
