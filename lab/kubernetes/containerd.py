"""How the node's own containerd is started: it runs the pods and pulls their images.

Settings: https://github.com/containerd/containerd/blob/main/docs/cri/config.md (their second version, which
containerd 1.6 to 2.2 read)
"""

from __future__ import annotations

import json
from pathlib import Path

from lab.engine.runtime import lacks_resource_capability, write_runtime
from lab.kubernetes.layout import BRIDGE, POD_RANGE, Layout
from lab.kubernetes.sandbox import SANDBOX_IMAGE

PLUGINS = Path("/usr/lib/cni")
"""Where Debian's containernetworking-plugins are."""

SETTINGS = """\
version = 2
root = {root}
state = {state}
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri",
]

[grpc]
address = {socket}

[plugins."io.containerd.internal.v1.opt"]
path = {opt}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = {sandbox}
restrict_oom_score_adj = {restricted}
disable_apparmor = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = {plugins}
conf_dir = {network}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = {runc}
Root = {runc_root}
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = {registries}
"""


def containerd(layout: Layout) -> list[str]:
    """Return containerd's command line."""
    return [str(layout.programs.containerd / "containerd"), f"--config={_settings(layout)}"]


def write_containerd_files(layout: Layout, registry: str) -> None:
    """Write what containerd reads; ``registry`` (``host:port``) is pulled from without TLS.

    :raises LabError: when the machine has no runc.
    """
    folder = layout.folder
    layout.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.containerd_root.mkdir(exist_ok=True, mode=0o711)
    restricted = lacks_resource_capability()
    values = {
        "root": layout.containerd_root,
        "state": layout.runtime / "state",
        "socket": layout.containerd_socket,
        "opt": folder / "opt",
        "sandbox": SANDBOX_IMAGE,
        "plugins": PLUGINS,
        "network": folder / "network",
        "runc": write_runtime(folder / "runc") if restricted else "runc",
        "runc_root": layout.runc_root,
        "registries": folder / "registries",
    }
    quoted = {name: json.dumps(str(value)) for name, value in values.items()}
    _settings(layout).write_text(SETTINGS.format(**quoted, restricted=json.dumps(restricted)))
    _write(folder / "network" / "pods.conflist", json.dumps(network(folder / "addresses"), indent=1))
    _write(folder / "registries" / registry / "hosts.toml", hosts(registry))


def network(addresses: Path) -> dict[str, object]:
    """Return the pods' network: a bridge of the node's, whose addresses are kept in the folder ``addresses``.

    https://www.cni.dev/plugins/current/main/bridge/
    """
    ranges = [[{"subnet": POD_RANGE}]]
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipam": {
            "type": "host-local",
            "ranges": ranges,
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(addresses),
        },
    }
    return {"cniVersion": "0.4.0", "name": BRIDGE, "plugins": [bridge]}


def hosts(registry: str) -> str:
    """Return how containerd reaches ``registry``.

    https://github.com/containerd/containerd/blob/main/docs/hosts.md
    """
    url = json.dumps(f"http://{registry}")
    return f'server = {url}\n\n[host.{url}]\ncapabilities = ["pull", "resolve"]\n'


def _settings(layout: Layout) -> Path:
    return layout.folder / "containerd.toml"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
