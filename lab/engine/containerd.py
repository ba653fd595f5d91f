"""The engine's containerd: one of its own, since dockerd would take the machine's where that runs.

https://github.com/containerd/containerd/blob/release/1.7/docs/man/containerd-config.toml.5.md
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.environment import inherited
from lab.paths import Paths
from lab.process import Process

SETTINGS = """\
version = 2
root = "{root}"
state = "{state}"
# Pods have a runtime of their own; nothing here watches file systems that were not asked for.
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{address}"

[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
"""


@dataclass(frozen=True)
class Containerd:
    """containerd 1.7 with its state in ``folder`` and its sockets in ``run``, as ``PATH`` finds it."""

    paths: Paths
    folder: Path
    run: Path
    path: str

    @property
    def address(self) -> Path:
        """Its socket."""
        return self.run / "containerd.sock"

    @property
    def process(self) -> Process:
        """What runs."""
        environment = inherited(PATH=self.path)
        program = self.path.partition(":")[0] + "/containerd"
        return Process("dockerd-containerd", [program, f"--config={self._settings}"], self.paths, environment)

    def start(self) -> None:
        """Start it unless it runs; dockerd waits for its answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(parents=True, exist_ok=True)
        settings = SETTINGS.format(root=self.folder / "data", state=self.run / "state", address=self.address)
        self._settings.write_text(settings)
        self.process.start()

    @property
    def _settings(self) -> Path:
        return self.folder / "config.toml"
