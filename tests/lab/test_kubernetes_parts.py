"""The parts of the lab's Kubernetes that need no running node."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from lab.ground import ground_of
from lab.kubernetes import control_plane, node
from lab.kubernetes.api import object_path
from lab.kubernetes.apt_source import source_lines, source_stanzas, write_source_entries
from lab.kubernetes.binaries import PROGRAMS, build_binaries, find_binaries, source_version
from lab.kubernetes.certificates import ensure_certificates
from lab.kubernetes.components import layout_of, require_local_engine
from lab.kubernetes.files import Registry, write_files
from lab.kubernetes.iptables import removal
from lab.kubernetes.layout import Layout
from lab.kubernetes.logins import ensure_tokens, read_tokens
from lab.kubernetes.traces import mounts_below, remove_pod_logs
from lab.paths import paths_of
from lab.server import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
REGISTRY = Registry("127.0.0.1:5000", "puller", "secret password")


def layout_in(folder: Path) -> Layout:
    paths = paths_of(folder)
    paths.state.mkdir(parents=True)
    return layout_of(ground_of(paths), "unix:///run/docker.sock", folder / "bin")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Debian's source package


def test_one_line_entries_become_source_entries() -> None:
    text = """\
# deb http://commented.example/debian bookworm main
deb [signed-by=/x.gpg arch=amd64] http://one.example/debian bookworm main contrib  # why
deb-src http://two.example/debian bookworm main
  deb   http://three.example/debian bookworm-updates main
"""
    assert source_lines(text).splitlines() == [
        "deb-src [signed-by=/x.gpg arch=amd64] http://one.example/debian bookworm main contrib",
        "deb-src http://three.example/debian bookworm-updates main",
    ]


def test_stanzas_become_source_stanzas_unless_they_are_off() -> None:
    text = """\
# the archive
Types: deb deb-src
# a comment within
URIs: http://one.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 Types: no field, but a line of the key

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
    converted = source_stanzas(text)
    assert converted.count("Types: deb-src") == 1
    assert "one.example" in converted
    assert "off.example" not in converted
    assert "source.example" not in converted
    assert " Types: no field, but a line of the key" in converted


def test_apts_own_files_are_read_and_others_are_not(tmp_path: Path) -> None:
    apt = tmp_path / "apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    (apt / "sources.list.d" / "two.sources").write_text("Types: deb\nURIs: http://two.example\n")
    (apt / "sources.list.d" / "three.list.disabled").write_text("deb http://three.example/ bookworm main\n")
    written = write_source_entries(apt, tmp_path / "out")
    assert [path.name for path in written] == ["source-sources.list", "source-two.sources"]


@pytest.mark.parametrize("names", [[], ["kubernetes_1.dsc", "kubernetes_2.dsc"], ["other_1.dsc"]])
def test_a_source_without_one_description_is_refused(names: list[str]) -> None:
    with pytest.raises(LabError, match=r"must leave one kubernetes_\*\.dsc"):
        source_version(names)


def fake_build(folder: Path, *, compiles: bool) -> None:
    """Put an ``apt-get`` and a ``make`` on the path that do what the real ones leave behind."""
    folder.mkdir()
    (folder / "apt-get").write_text(
        '#!/bin/sh\ncase "$*" in *source*) mkdir kubernetes-1.2; : > kubernetes_1.2-3.dsc;; esac\n'
    )
    programs = " ".join(PROGRAMS)
    made = f"mkdir -p _output/bin; cd _output/bin; for p in {programs}; do echo $p > $p; chmod 755 $p; done\n"
    (folder / "make").write_text(f"#!/bin/sh\n{made if compiles else 'echo undefined: x; exit 2'}\n")
    for path in folder.iterdir():
        path.chmod(0o755)


def test_a_build_appears_in_the_cache_whole_and_leaves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_build(tmp_path / "path", compiles=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{os.environ['PATH']}")
    cache = tmp_path / "cache"
    assert find_binaries(cache) is None
    built = build_binaries(cache, tmp_path / "build.log")
    assert built == cache / "kubernetes-1.2-3" / "bin"
    assert find_binaries(cache) == built
    assert sorted(path.name for path in built.iterdir()) == sorted(PROGRAMS)
    assert [path.name for path in cache.iterdir()] == ["kubernetes-1.2-3"]


def test_a_build_that_fails_names_its_log_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_build(tmp_path / "path", compiles=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{os.environ['PATH']}")
    with pytest.raises(LabError, match=r"build\.log(.|\n)*undefined: x"):
        build_binaries(tmp_path / "cache", tmp_path / "build.log")
    assert list((tmp_path / "cache").iterdir()) == []


def test_half_a_set_of_programs_is_none(tmp_path: Path) -> None:
    (tmp_path / "kubernetes-1" / "bin").mkdir(parents=True)
    for program in PROGRAMS[1:]:
        (tmp_path / "kubernetes-1" / "bin" / program).touch()
    assert find_binaries(tmp_path) is None


# Files


@pytest.mark.usefixtures("root")
def test_the_nodes_files_are_private_and_kept(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    logins = {"admin": tmp_path / "kubeconfig", "slipway": tmp_path / "kubeconfig-slipway"}
    write_files(layout, "cgroupfs", REGISTRY, logins)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    secret = [path for path in first if path.name != "ports.json"]
    assert {mode_of(path) for path in secret} == {0o600}
    write_files(layout, "cgroupfs", REGISTRY, logins)
    assert {path: path.read_bytes() for path in first} == first

    admin, product = (yaml.safe_load(path.read_text()) for path in logins.values())
    assert admin["clusters"][0]["cluster"]["server"] == layout.api_url
    assert product["users"][0]["user"]["token"] != admin["users"][0]["user"]["token"]


def test_only_people_are_administrators(tmp_path: Path) -> None:
    ensure_tokens(tmp_path / "tokens.csv")
    rows = (tmp_path / "tokens.csv").read_text().splitlines()
    assert [row.split(",")[2] for row in rows if "system:masters" in row] == ["admin"]
    assert len({row.split(",")[0] for row in rows}) == len(rows) == 7


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
    settings = [node.kubelet_settings(layout, "cgroupfs"), node.proxy_settings(layout)]
    addresses = [value for s in settings for key, value in s.items() if key.lower().endswith("address")]
    assert len(addresses) == 5
    assert all(address.startswith("127.0.0.1") for address in addresses)


@pytest.mark.usefixtures("root")
def test_tokens_are_looked_up_in_the_table_before_the_webhook_is_asked(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    write_files(layout, "cgroupfs", REGISTRY, {})
    flags = dict(word.partition("=")[::2] for word in control_plane.api_server(layout)[1:])
    webhook = yaml.safe_load(Path(flags["--authentication-token-webhook-config-file"]).read_text())
    [cluster] = webhook["clusters"]
    assert cluster["cluster"]["server"].startswith(f"https://127.0.0.1:{layout.ports.token_webhook}/")
    assert flags["--token-auth-file"] == str(layout.tokens)


def test_a_deep_checkout_keeps_the_kubelets_sockets_short(tmp_path: Path) -> None:
    deep = tmp_path / ("a-long-folder-name/" * 4)
    assert layout_in(tmp_path / "s").folder.parent == tmp_path / "s" / ".lab"
    assert layout_in(deep).kubelet.parent == Path("/var/lib")


def test_an_engine_elsewhere_is_refused_with_the_cure() -> None:
    with pytest.raises(LabError, match="set KUBECONFIG"):
        require_local_engine("tcp://build.example:2376")


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
