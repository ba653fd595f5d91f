"""The parts of the lab's Kubernetes that need no running node."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from cryptography import x509

from lab.ground import ground_of
from lab.kubernetes import control_plane, node
from lab.kubernetes.api import object_path
from lab.kubernetes.certificates import ensure_certificates
from lab.kubernetes.components import layout_of, processes
from lab.kubernetes.containerd import hosts, network, write_containerd_files
from lab.kubernetes.dns import corefile
from lab.kubernetes.files import Registry, write_files
from lab.kubernetes.iptables import removal
from lab.kubernetes.layout import Layout
from lab.kubernetes.logins import ensure_tokens, read_tokens
from lab.kubernetes.programs import Programs
from lab.kubernetes.sandbox import SANDBOX_IMAGE, sandbox_archive
from lab.kubernetes.sandboxes import bundles, containers, shim_sockets
from lab.kubernetes.traces import mounts_below, remove_pod_logs
from lab.kubernetes.versions import (
    NEWEST,
    OLDEST,
    VERSIONS,
    KubernetesVersion,
    choose_version,
    version_named,
    version_of,
)
from lab.paths import paths_of
from lab.server import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
REGISTRY = Registry("127.0.0.1:5000", "puller", "secret password")


def layout_in(folder: Path) -> Layout:
    paths = paths_of(folder)
    paths.state.mkdir(parents=True)
    return layout_of(ground_of(paths), Programs(kubernetes=folder / "bin"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Files


@pytest.mark.usefixtures("root")
def test_the_nodes_files_are_private_and_kept(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    logins = {"admin": tmp_path / "kubeconfig", "slipway": tmp_path / "kubeconfig-slipway"}
    write_files(layout, REGISTRY, logins)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    secret = [path for path in first if path.name != "ports.json"]
    assert {mode_of(path) for path in secret} == {0o600}
    write_files(layout, REGISTRY, logins)
    assert {path: path.read_bytes() for path in first} == first

    admin, product = (yaml.safe_load(path.read_text()) for path in logins.values())
    assert admin["clusters"][0]["cluster"]["server"] == layout.api_url
    assert product["users"][0]["user"]["token"] != admin["users"][0]["user"]["token"]


def test_only_people_are_administrators(tmp_path: Path) -> None:
    ensure_tokens(tmp_path / "tokens.csv")
    rows = (tmp_path / "tokens.csv").read_text().splitlines()
    assert [row.split(",")[2] for row in rows if "system:masters" in row] == ["admin"]
    assert len({row.split(",")[0] for row in rows}) == len(rows) == 8


def test_a_damaged_table_of_tokens_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("half a line")
    tokens = ensure_tokens(path)
    assert read_tokens(path.read_text()) == tokens
    assert all(tokens.values())


def test_certificates_are_made_for_their_addresses_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    ensure_certificates(folder, ["127.0.0.1"], ["localhost"])
    serving = x509.load_pem_x509_certificate((folder / "serving.crt").read_bytes())
    authority = x509.load_pem_x509_certificate((folder / "authority.crt").read_bytes())
    names = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1", "localhost"]
    serving.verify_directly_issued_by(authority)
    ensure_certificates(folder, ["127.0.0.1"], ["localhost"])
    assert x509.load_pem_x509_certificate((folder / "serving.crt").read_bytes()) == serving


def test_nothing_is_told_to_listen_on_the_machines_network(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    commands = [control_plane.etcd, control_plane.api_server, control_plane.controller_manager]
    for command in [*commands, control_plane.scheduler]:
        flags = ("--bind-address=", "--listen-", "--advertise-")
        listening = [word for word in command(layout) if word.startswith(flags)]
        assert listening
        assert all("127.0.0.1" in word for word in listening)
    settings = [node.kubelet_settings(layout), node.proxy_settings(layout)]
    addresses = [value for s in settings for key, value in s.items() if key.lower().endswith("address")]
    assert len(addresses) == 5
    assert all(address.startswith("127.0.0.1") for address in addresses)


@pytest.mark.usefixtures("root")
def test_tokens_are_looked_up_in_the_table_before_the_webhook_is_asked(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    write_files(layout, REGISTRY, {})
    flags = dict(word.partition("=")[::2] for word in control_plane.api_server(layout)[1:])
    webhook = yaml.safe_load(Path(flags["--authentication-token-webhook-config-file"]).read_text())
    [cluster] = webhook["clusters"]
    assert cluster["cluster"]["server"].startswith(f"https://127.0.0.1:{layout.ports.token_webhook}/")
    assert flags["--token-auth-file"] == str(layout.tokens)


def test_a_deep_checkout_keeps_the_kubelets_sockets_short(tmp_path: Path) -> None:
    deep = tmp_path / ("a-long-folder-name/" * 4)
    assert layout_in(tmp_path / "s").folder.parent == tmp_path / "s" / ".lab"
    assert layout_in(deep).kubelet.parent == Path("/var/lib")


# Versions


@pytest.mark.parametrize(("name", "version"), [("1.37", NEWEST), ("v1.37.2", NEWEST), ("1.20", OLDEST)])
def test_a_version_is_found_by_its_name(name: str, version: object) -> None:
    assert version_named(name) is version


def test_a_version_that_the_lab_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(LabError, match=r"no Kubernetes 1\.19; it has 1\.37 and 1\.20"):
        version_named("1.19")


def test_a_version_is_kept_and_a_node_that_has_run_keeps_its_own(tmp_path: Path) -> None:
    paths = paths_of(tmp_path)
    paths.state.mkdir()
    assert version_of(paths) is NEWEST
    choose_version(paths, OLDEST)
    choose_version(paths, None)
    assert version_of(paths) is OLDEST
    (paths.state / "kubernetes").mkdir()
    choose_version(paths, OLDEST)
    with pytest.raises(LabError, match=r"make lab-down, then: make lab-up KUBERNETES=1\.37"):
        choose_version(paths, NEWEST)
    assert version_of(paths) is OLDEST


def test_a_node_that_ran_unchosen_is_the_newest(tmp_path: Path) -> None:
    paths = paths_of(tmp_path)
    (paths.state / "kubernetes").mkdir(parents=True)
    choose_version(paths, NEWEST)
    with pytest.raises(LabError, match=r"is Kubernetes 1\.37"):
        choose_version(paths, OLDEST)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.minor)
def test_flags_of_one_version_are_not_given_to_another(tmp_path: Path, version: KubernetesVersion) -> None:
    paths = paths_of(tmp_path)
    paths.state.mkdir()
    choose_version(paths, version)
    layout = layout_of(ground_of(paths), Programs())
    commands = [*control_plane.controller_manager(layout), *node.kubelet(layout)]
    assert ("--port=0" in commands, "--container-runtime=remote" in commands) == (version is OLDEST,) * 2
    assert ("failCgroupV1" in node.kubelet_settings(layout)) == (version is NEWEST)


# The node's containerd and DNS


def test_containerd_pulls_from_the_labs_registry_without_tls_and_keeps_all_below_the_lab(
    tmp_path: Path,
) -> None:
    layout = layout_in(tmp_path)
    layout.folder.mkdir()
    write_containerd_files(layout, "127.0.0.1:5000")
    settings = tomllib.loads((layout.folder / "containerd.toml").read_text())
    cri = settings["plugins"]["io.containerd.grpc.v1.cri"]
    told = tomllib.loads((Path(cri["registry"]["config_path"]) / "127.0.0.1:5000" / "hosts.toml").read_text())
    assert told["server"] == "http://127.0.0.1:5000"
    assert list(told["host"]) == ["http://127.0.0.1:5000"]
    assert cri["sandbox_image"] == SANDBOX_IMAGE
    places = (settings["root"], settings["state"], settings["grpc"]["address"], cri["cni"]["conf_dir"])
    own = (tmp_path, layout.runtime)
    assert all(any(Path(place).is_relative_to(folder) for folder in own) for place in places)
    assert tomllib.loads(hosts("x:1"))["host"]["http://x:1"]["capabilities"] == ["pull", "resolve"]


def test_addresses_of_pods_are_kept_below_the_lab(tmp_path: Path) -> None:
    [bridge] = cast("list[dict[str, Any]]", network(tmp_path)["plugins"])
    assert bridge["ipam"]["dataDir"] == str(tmp_path)
    assert bridge["bridge"] == "slipway-pods"


def test_the_sandbox_image_is_whole_and_has_its_name() -> None:
    with tarfile.open(fileobj=io.BytesIO(sandbox_archive(b"program"))) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        read = {name: file.read() for name, file in files.items() if file}
    [named] = json.loads(read["index.json"])["manifests"]
    assert named["annotations"]["io.containerd.image.name"] == SANDBOX_IMAGE
    manifest = json.loads(read[blob(named)])
    for one in (named, manifest["config"], *manifest["layers"]):
        content = read[blob(one)]
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (one["size"], one["digest"])
    with tarfile.open(fileobj=io.BytesIO(read[blob(manifest["layers"][0])])) as layer:
        assert [(member.name, member.mode) for member in layer] == [("busybox", 0o755)]


def blob(descriptor: dict[str, str]) -> str:
    return "blobs/" + descriptor["digest"].replace(":", "/")


def test_a_cluster_whose_dns_cannot_be_had_does_without(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    write_files(layout, REGISTRY, {})
    assert node.kubelet_settings(layout)["clusterDNS"] == ["10.214.0.1"]
    assert "dns" in processes(layout, paths_of(tmp_path))
    layout.corefile.unlink()
    without = replace(layout, programs=Programs(coredns=None))
    write_files(without, REGISTRY, {})
    assert "clusterDNS" not in node.kubelet_settings(without)
    assert "dns" not in processes(without, paths_of(tmp_path))
    assert not without.corefile.exists()


def test_other_names_are_asked_for_only_where_the_machine_has_a_resolver(tmp_path: Path) -> None:
    layout, resolvers = layout_in(tmp_path), tmp_path / "resolv.conf"
    assert "forward" not in corefile(layout, resolvers)
    resolvers.write_text("# nameserver 10.0.0.1\nsearch example\n")
    assert "forward" not in corefile(layout, resolvers)
    resolvers.write_text("nameserver 10.0.0.1\n")
    assert f"forward . {resolvers}" in corefile(layout, resolvers)
    assert "bind 10.214.0.1\n" in corefile(layout, resolvers)


def test_containers_are_found_by_what_runc_left(tmp_path: Path) -> None:
    namespaces = [{"type": "NEWPID", "path": ""}, {"type": "NEWNET", "path": "/run/netns/cni-1"}]
    for name, text in (("pod", json.dumps({"config": {"namespaces": namespaces}})), ("half", '{"conf')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text(text)
    found = {container.name: container.network for container in containers(tmp_path)}
    assert found == {"pod": Path("/run/netns/cni-1"), "half": None}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("address", "unix:///run/containerd/s/1\n"),
        ("bootstrap.json", '{"version": 3, "address": "unix:///run/containerd/s/1"}'),
    ],
)
def test_a_shims_socket_is_found_in_either_containerds_file(tmp_path: Path, file: str, text: str) -> None:
    bundle = tmp_path / "io.containerd.runtime.v2.task" / "k8s.io" / "pod"
    bundle.mkdir(parents=True)
    (bundle / file).write_text(text)
    assert list(shim_sockets(tmp_path)) == [Path("/run/containerd/s/1")]
    assert list(bundles(tmp_path)) == ["pod"]


def test_objects_have_the_paths_of_their_kinds() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "x", "namespace": "demo"},
    }
    assert object_path(namespace) == "/api/v1/namespaces/demo"
    assert object_path(binding) == "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings/x"


# What a node leaves

KEPT_RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
:OURS - [0:0]
-A PREROUTING -m comment --comment "mentions -j KUBE-SERVICES" -j OURS
COMMIT
"""
NODE_RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
:OURS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:SLIPWAY-PODS - [0:0]
-A PREROUTING -j SLIPWAY-PODS
-A PREROUTING -m comment --comment "mentions -j KUBE-SERVICES" -j OURS
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-MARK-MASQ
COMMIT
*filter
:INPUT ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
"""
CYCLE = """
import subprocess, sys
from lab.kubernetes.iptables import remove_rules
def chains():
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return sorted(line.split(" [")[0] for line in saved.splitlines() if line[0] in ":-")
for text in sys.argv[1:]:
    subprocess.run(["iptables-restore"], input=text, text=True, check=True)
    print(chains())
remove_rules()
print(chains())
remove_rules()
print(chains())
"""


@pytest.mark.usefixtures("root")
def test_a_nodes_packet_filter_rules_go_and_others_stay() -> None:
    """In a network namespace of its own, with the real iptables."""
    command = ["unshare", "--net", sys.executable, "-c", CYCLE, KEPT_RULES, NODE_RULES]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    _, with_node, once, twice = done.stdout.splitlines()
    assert "KUBE-SERVICES" in with_node
    assert "OURS" in once
    assert ":KUBE" not in once
    assert "SLIPWAY" not in once
    assert "-j KUBE-FIREWALL" not in once
    assert once == twice


def test_rules_without_a_node_need_no_removal() -> None:
    assert removal(KEPT_RULES) == ""


def test_mounts_are_found_the_last_mounted_first() -> None:
    mountinfo = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 254:0 /x /a/kubelet rw - ext4 /dev/vda rw
31 30 0:30 / /a/kubelet/pods/with\\040space rw - tmpfs tmpfs rw
32 22 0:31 / /a/kubelet-other rw - tmpfs tmpfs rw
"""
    found = list(mounts_below(mountinfo, Path("/a/kubelet")))
    assert found == [Path("/a/kubelet/pods/with space"), Path("/a/kubelet")]


def test_links_to_lost_logs_go_and_others_stay(tmp_path: Path) -> None:
    pods, links, log = tmp_path / "pods", tmp_path / "containers", tmp_path / "log"
    for name in ("gone", "running"):
        (pods / name / "web").mkdir(parents=True)
    links.mkdir()
    log.touch()
    (pods / "running" / "web" / "0.log").symlink_to(log)
    (pods / "gone" / "web" / "0.log").symlink_to(tmp_path / "lost")
    (links / "gone.log").symlink_to(pods / "gone" / "web" / "0.log")
    remove_pod_logs((links, pods))
    assert not links.exists()
    assert [path.name for path in pods.iterdir()] == ["running"]
    assert (pods / "running" / "web" / "0.log").is_symlink()
