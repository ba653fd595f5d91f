"""The sources of the node's programs: a folder or a site that the user names, the cache, modules, Debian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.environment import given
from lab.kubernetes.versions import (
    OLDEST,
    KubernetesVersion,
    choose_version,
    chosen_version,
    version_of,
)
from lab.paths import Paths
from lab.programs.debian_source import DebianSource
from lab.programs.given import given_folder
from lab.programs.go_modules import GoBuild, GoModule, ModulesUnavailableError
from lab.programs.kept import Make, ProgramSet
from lab.programs.packages import ensure_packages
from lab.programs.release_site import ReleaseSite

FOLDER_VARIABLE = "SLIPWAY_KUBERNETES_BINARIES"
SITE_VARIABLE = "SLIPWAY_KUBERNETES_SITE"
MODULES = Path(__file__).with_name("modules")
KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
IN_ONE = tuple(program for program in KUBERNETES if program != "kubectl")
"""Those of modules/kubernetes/main.go; kubectl is called often, and starts the faster the less it is."""
CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
DEBIANS = Path("/usr/bin")
"""Where Debian's package containerd has its programs."""


@dataclass(frozen=True)
class Programs:
    """The folders of the programs that one node runs."""

    kubernetes: Path = Path()
    containerd: Path = Path()
    coredns: Path | None = Path()
    """None where its modules cannot be had: the cluster has no DNS then."""


def kubernetes_set(version: KubernetesVersion) -> ProgramSet:
    """Return Kubernetes' own programs."""
    return ProgramSet("kubernetes", version.number, KUBERNETES)


def provide_programs(paths: Paths) -> Programs:
    """Return every program of the lab's node, and leave its version chosen.

    Where Go modules cannot be fetched and no version was chosen, that is the oldest, from Debian's source.

    :raises LabError: as :func:`ensure_programs`.
    """
    try:
        return ensure_programs(version_of(paths), paths)
    except ModulesUnavailableError as error:
        if chosen_version(paths) is not None:
            raise
        said = str(error).partition("\n")[0]
        print(f"kubernetes: {said}; taking {OLDEST.minor} from Debian's source", flush=True)
        choose_version(paths, OLDEST)
        return ensure_programs(OLDEST, paths)


def ensure_programs(version: KubernetesVersion, paths: Paths) -> Programs:
    """Return every program of a node of ``version``; what is not there is fetched or built, once.

    :raises ModulesUnavailableError: when Go modules are needed and cannot be fetched.
    :raises LabError: when the user's folder or site does not hold what it should, or a build fails.
    """
    return Programs(
        kubernetes=ensure_kubernetes(version, paths),
        containerd=_ensure_containerd(version, paths),
        coredns=_find_coredns(version, paths),
    )


def ensure_kubernetes(version: KubernetesVersion, paths: Paths) -> Path:
    """Return the folder of Kubernetes' own programs.

    :raises LabError: as :func:`ensure_programs`.
    """
    wanted = kubernetes_set(version)
    folder = given_folder(FOLDER_VARIABLE)
    if folder is not None:
        return folder.require(wanted)
    return wanted.ensure(paths.cache, _kubernetes(version, paths))


def _ensure_containerd(version: KubernetesVersion, paths: Paths) -> Path:
    if version.containerd is None:
        ensure_packages(["containerd"], paths.logs / "apt.log")
        return DEBIANS
    module = GoModule(
        MODULES / "containerd",
        tags=("no_btrfs", "no_devmapper", "no_zfs"),
        variables={"github.com/containerd/containerd/v2/version.Version": version.containerd},
    )
    return _ensure(ProgramSet("containerd", version.containerd, CONTAINERD), _build(module, paths), paths)


def _ensure(wanted: ProgramSet, make: Make, paths: Paths) -> Path:
    folder = given_folder(FOLDER_VARIABLE)
    found = folder.find(wanted) if folder else None
    return found or wanted.ensure(paths.cache, make)


def _kubernetes(version: KubernetesVersion, paths: Paths) -> Make:
    site = given(SITE_VARIABLE, "")
    if site:
        return ReleaseSite(site, SITE_VARIABLE)
    if version.is_in_modules:
        module = GoModule(
            MODULES / "kubernetes",
            packages=(".", "tool"),
            names={"kubernetes": IN_ONE},
            variables=version_variables(version),
        )
        return _build(module, paths)
    return DebianSource(paths.logs / "kubernetes-build.log")


def _find_coredns(version: KubernetesVersion, paths: Paths) -> Path | None:
    module = GoModule(MODULES / f"coredns-{version.coredns}", packages=(".",))
    wanted = ProgramSet("coredns", version.coredns, ("coredns",))
    try:
        return _ensure(wanted, _build(module, paths), paths)
    except ModulesUnavailableError as error:
        print(f"kubernetes: the cluster has no DNS: {str(error).splitlines()[0]}", flush=True)
        return None


def _build(module: GoModule, paths: Paths) -> GoBuild:
    return GoBuild(module, paths.cache, paths.logs / f"{module.folder.name}-build.log")


def version_variables(version: KubernetesVersion) -> Mapping[str, str]:
    """Return the version that Kubernetes' programs get at link time."""
    major, minor, *_ = version.number.split(".")
    said = {"gitVersion": f"v{version.number}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in said.items()}
