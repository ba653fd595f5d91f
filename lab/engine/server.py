"""Starts and stops the lab's own docker engine, unless the user has one.

https://docs.docker.com/engine/reference/commandline/dockerd/
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from lab.daemon import PATIENCE_SECONDS
from lab.engine.network import Former, remove_traces
from lab.engine.runtime import lacks_resource_capability, write_runtime
from lab.environment import given, inherited
from lab.ground import Ground
from lab.kubernetes.traces import unmount_below
from lab.process import Process
from lab.server import LabError

SYSTEM_SOCKET = Path("/var/run/docker.sock")


@dataclass(frozen=True)
class EngineServer:
    """``DOCKER_HOST`` if the user set it, the machine's engine if it answers, else one below ``.lab``."""

    ground: Ground
    name: str = "engine"
    needs: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """None for an engine of the user's."""
        return ("docker.io", "containerd", "runc", "iptables", "iproute2") if self.is_own else ()

    @property
    def socket(self) -> Path:
        """The own engine's Unix socket."""
        return self.ground.paths.sockets / "docker.sock"

    @property
    def host(self) -> str:
        """The engine's address, as ``DOCKER_HOST`` writes it."""
        chosen = given("DOCKER_HOST", f"unix://{self.socket}")
        if chosen:
            return chosen
        if self._process.pid is None and SYSTEM_SOCKET.exists() and _answers(f"unix://{SYSTEM_SOCKET}"):
            return f"unix://{SYSTEM_SOCKET}"
        return f"unix://{self.socket}"

    @property
    def is_own(self) -> bool:
        """Say whether the lab starts it."""
        return self.host == f"unix://{self.socket}"

    @property
    def url(self) -> str:
        """The same as :attr:`host`."""
        return self.host

    def start(self) -> None:
        """Start ``dockerd`` and wait for its answer; its state is below ``.lab/docker``."""
        if not self.is_own:
            raise LabError(
                f"the docker engine at {self.host} does not answer; start it, or unset DOCKER_HOST"
            )
        _require_overlay()
        self._folder.mkdir(exist_ok=True)
        Former.read().keep(self._folder / "former.json")
        self._settings.write_text(json.dumps(self._dockerd_settings(), indent=1))
        self.socket.unlink(missing_ok=True)
        self._process.start()
        self._process.wait_until(self.is_up, 60)

    def stop(self) -> None:
        """Remove every container of the own engine, stop it, and take its traces off the machine."""
        if self._process.pid is not None:
            self._remove_containers()
            self._process.stop(grace=20)
        if self._folder.exists():
            unmount_below(self._folder)
            unmount_below(self._exec_root)
            remove_traces(self._folder / "former.json")
            shutil.rmtree(self._exec_root, ignore_errors=True)
            shutil.rmtree(self._folder, ignore_errors=True)
            self.socket.unlink(missing_ok=True)

    def is_up(self) -> bool:
        """Say whether it answers a ping."""
        return _answers(self.host)

    def pids(self) -> tuple[int, ...]:
        """The daemon's."""
        pid = self._process.pid
        return () if pid is None else (pid,)

    def exports(self) -> Mapping[str, str]:
        """``DOCKER_HOST``."""
        return {"DOCKER_HOST": self.host}

    @property
    def _folder(self) -> Path:
        return self.ground.paths.state / "docker"

    @property
    def _exec_root(self) -> Path:
        return self.ground.paths.sockets / "docker"

    @property
    def _settings(self) -> Path:
        return self._folder / "daemon.json"

    @property
    def _process(self) -> Process:
        return Process(
            name="dockerd",
            command=["dockerd", f"--config-file={self._settings}"],
            paths=self.ground.paths,
            environment=inherited(),
        )

    def _dockerd_settings(self) -> dict[str, object]:
        settings: dict[str, object] = {
            "hosts": [f"unix://{self.socket}"],
            "data-root": str(self._folder / "data"),
            "exec-root": str(self._exec_root),
            "pidfile": str(self._folder / "dockerd.pid"),
            "deprecated-key-path": str(self._folder / "key.json"),
            "group": "root",
            "log-opts": {"max-size": "10m", "max-file": "2"},
            "shutdown-timeout": 5,
        }
        if lacks_resource_capability():
            runtime = write_runtime(self._folder / "runc")
            settings |= {"runtimes": {"slipway": {"path": str(runtime)}}, "default-runtime": "slipway"}
        return settings

    def _remove_containers(self) -> None:
        try:
            client = docker.DockerClient(base_url=self.host, timeout=30)
            for container in client.containers.list(all=True, ignore_removed=True):
                container.remove(force=True, v=True)
            client.networks.prune()
        except (DockerException, OSError) as error:
            if self._process.pid is not None and _answers(self.host):
                raise LabError(f"containers stay in the engine at {self.host}: {error}") from error


def _require_overlay() -> None:
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "overlay"], check=False, capture_output=True, timeout=30)
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        raise LabError(
            "this machine's kernel has no overlay file system, which images need; load its module, "
            "or set DOCKER_HOST to use an engine of yours"
        )


def _answers(host: str) -> bool:
    try:
        client = docker.DockerClient(base_url=host, timeout=PATIENCE_SECONDS)
        return bool(client.ping())
    except (DockerException, OSError):
        return False
