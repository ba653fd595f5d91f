"""Starts and stops the lab's own docker engine, unless the user has one.

https://docs.docker.com/engine/reference/commandline/dockerd/
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from lab.daemon import PATIENCE_SECONDS
from lab.engine import programs
from lab.engine.containerd import Containerd
from lab.engine.network import Former, remove_traces
from lab.environment import given, inherited
from lab.ground import Ground
from lab.kubernetes.traces import unmount_below
from lab.patience import stretched
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
        return programs.PACKAGES if self.is_own else ()

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
        """Start containerd and ``dockerd``, wait for their answer; the state is below ``.lab/docker``."""
        if not self.is_own:
            raise LabError(
                f"the docker engine at {self.host} does not answer; start it, or unset DOCKER_HOST"
            )
        _require_overlay()
        self._folder.mkdir(exist_ok=True)
        Former.read().keep(self._folder / "former.json")
        paths = self.ground.paths
        packages = programs.fetch_programs(paths.cache, paths.logs / "engine-programs.log")
        programs.link_programs(packages, self._programs)
        self._containerd.start()
        if self._process.pid is None:
            self._settings.write_text(json.dumps(self._dockerd_settings(), indent=1))
            self.socket.unlink(missing_ok=True)
            self._process.start()
        self._process.wait_until(self.is_up, 60)
        programs.write_client(self.client, packages, self.host, paths.state / "docker-client")

    def stop(self) -> None:
        """Remove every container of the own engine, stop it, and take its traces off the machine."""
        if self._process.pid is not None:
            self._remove_containers()
            self._process.stop(grace=20)
        self._containerd.process.stop(grace=20)
        self.client.unlink(missing_ok=True)
        if self._folder.exists():
            unmount_below(self._folder)
            unmount_below(self._exec_root)
            remove_traces(self._folder / "former.json")
            shutil.rmtree(self._exec_root, ignore_errors=True)
            shutil.rmtree(self._folder, ignore_errors=True)
            self.socket.unlink(missing_ok=True)

    def is_up(self) -> bool:
        """Say whether it answers a ping; of the own one, whether its containerd runs, too."""
        return _answers(self.host) and (not self.is_own or self._containerd.process.pid is not None)

    def pids(self) -> tuple[int, ...]:
        """The two daemons'."""
        pids = (process.pid for process in (self._process, self._containerd.process))
        return tuple(pid for pid in pids if pid is not None)

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
    def client(self) -> Path:
        """Docker's client for people and tests: ``.lab/bin/docker``."""
        return self.ground.paths.state / "bin" / "docker"

    @property
    def _programs(self) -> Path:
        """First on the daemons' PATH."""
        return self._folder / "bin"

    @property
    def _path(self) -> str:
        return os.pathsep.join([str(self._programs), os.environ["PATH"]])

    @property
    def _containerd(self) -> Containerd:
        return Containerd(
            self.ground.paths, self._folder / "containerd", self._exec_root / "containerd", self._path
        )

    @property
    def _settings(self) -> Path:
        return self._folder / "daemon.json"

    @property
    def _process(self) -> Process:
        return Process(
            name="dockerd",
            command=[str(self._programs / "dockerd"), f"--config-file={self._settings}"],
            paths=self.ground.paths,
            environment=inherited(PATH=self._path),
        )

    def _dockerd_settings(self) -> dict[str, object]:
        return {
            "containerd": str(self._containerd.address),
            "init-path": str(self._programs / "docker-init"),
            "userland-proxy-path": str(self._programs / "docker-proxy"),
            "hosts": [f"unix://{self.socket}"],
            "data-root": str(self._folder / "data"),
            "exec-root": str(self._exec_root),
            "pidfile": str(self._folder / "dockerd.pid"),
            "group": "root",
            "log-opts": {"max-size": "10m", "max-file": "2"},
            "shutdown-timeout": 5,
        }

    def _remove_containers(self) -> None:
        try:
            client = docker.DockerClient(base_url=self.host, timeout=stretched(30))
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
            "or set DOCKER_HOST to use another engine"
        )


def _answers(host: str) -> bool:
    try:
        client = docker.DockerClient(base_url=host, timeout=stretched(PATIENCE_SECONDS))
        return bool(client.ping())
    except (DockerException, OSError):
        return False
