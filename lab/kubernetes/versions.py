"""The versions of Kubernetes that the lab runs, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.paths import Paths
from lab.server import LabError

DEVICES_OFF = {"DevicePlugins": False}
"""The kubelet's gate: the place of their sockets, /var/lib/kubelet, has no setting."""


@dataclass(frozen=True)
class KubernetesVersion:
    """One version; flags and settings are those that its neighbours do not know."""

    number: str
    containerd: str | None
    """containerd built from Go modules, None: Debian's, which speaks the CRI of 2020 too."""
    coredns: str
    is_in_modules: bool
    """Built from Go modules, else from Debian's source."""
    controller_flags: tuple[str, ...] = ()
    """Of the controller manager and of the scheduler."""
    kubelet_flags: tuple[str, ...] = ()
    kubelet_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def minor(self) -> str:
        """As people name it: ``1.37``."""
        return ".".join(self.number.split(".")[:2])


NEWEST = KubernetesVersion(
    number="1.37.2",
    containerd="2.2.9",
    coredns="1.15.0",
    is_in_modules=True,
    kubelet_settings={
        "failCgroupV1": False,
        "localStorageCapacityIsolation": False,
        "nodeStatusUpdateFrequency": "10s",
    },
)
OLDEST = KubernetesVersion(
    number="1.20.2",
    containerd=None,
    coredns="1.9.4",
    is_in_modules=False,
    controller_flags=("--port=0",),
    kubelet_flags=("--container-runtime=remote",),
    # It looks at its runtime once in this time only, and is not ready before.
    kubelet_settings={"featureGates": DEVICES_OFF, "nodeStatusUpdateFrequency": "2s"},
)
VERSIONS = (NEWEST, OLDEST)


def version_named(name: str) -> KubernetesVersion:
    """Return the version called ``1.37``, ``1.37.2`` or ``v1.37.2``.

    :raises LabError: when the lab has no such version.
    """
    for version in VERSIONS:
        if name.removeprefix("v") in (version.minor, version.number):
            return version
    known = " and ".join(version.minor for version in VERSIONS)
    raise LabError(f"the lab has no Kubernetes {name}; it has {known}")


def chosen_version(paths: Paths) -> KubernetesVersion | None:
    """Return the version that was chosen for the lab in ``paths``, or None."""
    kept = paths.state / "kubernetes-version"
    return version_named(kept.read_text().strip()) if kept.exists() else None


def version_of(paths: Paths) -> KubernetesVersion:
    """Return the version that the lab in ``paths`` runs."""
    return chosen_version(paths) or NEWEST


def choose_version(paths: Paths, version: KubernetesVersion | None) -> None:
    """Keep a choice until ``lab down``; None leaves what was chosen before.

    :raises LabError: when the lab's node has run another: no version reads what a later one has stored.
    """
    if version is None or version == chosen_version(paths):
        return
    before = version_of(paths)
    if version != before and (paths.state / "kubernetes").exists():
        raise LabError(
            f"this lab's node is Kubernetes {before.minor}, and its store cannot be used by "
            f"{version.minor}; run: make lab-down, then: make lab-up KUBERNETES={version.minor}"
        )
    (paths.state / "kubernetes-version").write_text(version.number)
