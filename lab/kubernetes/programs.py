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
from lab.programs.go_modules import GoModule, ModulesUnavailableError
from lab.programs.kept import Make, ProgramSet
from lab.programs.packages import ensure_packages
from lab.programs.release_site import ReleaseSite
from lab.programs.shared_build import SharedBuild

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
"""Those of modules/node/main.go; kubectl is called often, and starts the faster the less it is."""
KUBECTL = "k8s.io/kubernetes/cmd/kubectl"
CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
OF_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
CONTAINERD_VERSION = "github.com/containerd/containerd/v2/version.Version"
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


def containerd_set(version: str) -> ProgramSet:
    """Return containerd's programs."""
    return ProgramSet("containerd", version, CONTAINERD)


def coredns_set(version: KubernetesVersion) -> ProgramSet:
    """Return CoreDNS."""
    return ProgramSet("coredns", version.coredns, ("coredns",))


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
    with _modules(version, paths).kept() as build:
        return Programs(
            kubernetes=_ensure_kubernetes(version, paths, build),
            containerd=_ensure_containerd(version, paths, build),
            coredns=_find_coredns(version, paths, build),
        )


def ensure_kubernetes(version: KubernetesVersion, paths: Paths) -> Path:
    """Return the folder of Kubernetes' own programs.

    :raises LabError: as :func:`ensure_programs`.
    """
    with _modules(version, paths, alone=True).kept() as build:
        return _ensure_kubernetes(version, paths, build)


def _ensure_kubernetes(version: KubernetesVersion, paths: Paths, build: SharedBuild) -> Path:
    wanted = kubernetes_set(version)
    folder = given_folder(FOLDER_VARIABLE)
    if folder is not None:
        return folder.require(wanted)
    make: Make = build
    if site := given(SITE_VARIABLE, ""):
        make = ReleaseSite(site, SITE_VARIABLE)
    elif not version.is_in_modules:
        make = DebianSource(paths.logs / "kubernetes-build.log")
    return wanted.ensure(paths.cache, make)


def _ensure_containerd(version: KubernetesVersion, paths: Paths, build: SharedBuild) -> Path:
    if version.containerd is None:
        ensure_packages(["containerd"], paths.logs / "apt.log")
        return DEBIANS
    wanted = containerd_set(version.containerd)
    return _given(wanted) or wanted.ensure(paths.cache, build)


def _find_coredns(version: KubernetesVersion, paths: Paths, build: SharedBuild) -> Path | None:
    wanted = coredns_set(version)
    try:
        return _given(wanted) or wanted.ensure(paths.cache, build)
    except ModulesUnavailableError as error:
        print(f"kubernetes: the cluster has no DNS: {str(error).splitlines()[0]}", flush=True)
        return None


def _given(wanted: ProgramSet) -> Path | None:
    folder = given_folder(FOLDER_VARIABLE)
    return folder.find(wanted) if folder else None


def _modules(version: KubernetesVersion, paths: Paths, *, alone: bool = False) -> SharedBuild:
    """Return the build of what comes from modules.

    :param alone: of Kubernetes' own programs.
    """
    if not version.is_in_modules:
        module = GoModule(MODULES / f"coredns-{version.coredns}")
        return SharedBuild(module, {coredns_set(version): (".",)}, paths.cache, paths.logs / "go-build.log")
    packages: dict[ProgramSet, tuple[str, ...]] = {}
    if not (given_folder(FOLDER_VARIABLE) or given(SITE_VARIABLE, "")):
        packages[kubernetes_set(version)] = (".", KUBECTL)
    if version.containerd and not alone:
        packages[containerd_set(version.containerd)] = tuple(f"{OF_CONTAINERD}/{name}" for name in CONTAINERD)
    if not alone:
        packages[coredns_set(version)] = ("./coredns",)
    module = GoModule(
        MODULES / "node",
        names={"node": IN_ONE},
        tags=("no_btrfs", "no_devmapper", "no_zfs"),
        variables=version_variables(version),
    )
    return SharedBuild(module, packages, paths.cache, paths.logs / "go-build.log")


def version_variables(version: KubernetesVersion) -> Mapping[str, str]:
    """Return the versions that the programs get at link time."""
    major, minor, *_ = version.number.split(".")
    said = {"gitVersion": f"v{version.number}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    own = {f"{package}.{name}": value for package in packages for name, value in said.items()}
    return own | {CONTAINERD_VERSION: version.containerd or ""}
