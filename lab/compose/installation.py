"""An installation of the product as its README has it, from a copy of the checkout, on the lab's engine."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
import yaml

from lab.access import Lab
from lab.command import run
from lab.compose.client import Client
from lab.compose.images import BaseImages
from lab.compose.settings import Reset, installation, override, workers, written
from lab.paths import Paths
from lab.server import LabError

HEADING = "## Run it with Docker Compose"
"""The section of the README whose commands are run."""
TRACES = {
    "containers": ["ps", "--all", "--format", "{{.Names}}"],
    "networks": ["network", "ls", "--format", "{{.Name}}"],
    "volumes": ["volume", "ls", "--format", "{{.Name}}"],
}


@dataclass(frozen=True)
class Service:
    """What Compose says of one service.

    :param state: ``running``, ``exited``, ...
    :param health: ``healthy``, ...; empty for one that ended.
    """

    name: str
    state: str
    health: str
    image: str


@dataclass(frozen=True)
class Installation:
    """One installation in ``folder``, below the lab's state.

    :param receiver: where the lab's Git server sends pushes, and what it signs them with.
    """

    lab: Lab
    paths: Paths
    receiver: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The copy of the checkout."""
        return self.paths.state / "compose" / "slipway"

    @property
    def client(self) -> Client:
        """The docker command, in the installation's folder."""
        return client_of(self.lab, self.paths, self.folder)

    @property
    def project(self) -> str:
        """How Compose calls it."""
        return self.settings()["COMPOSE_PROJECT_NAME"]

    def prepare(self) -> None:
        """Copy the checkout, and write what only the lab knows: addresses, base images, connections.

        :raises LabError: when a base image cannot be made, or the docker command has no Compose.
        """
        self._copy()
        self.client.require_compose()
        images = BaseImages(self.client, self.paths).ensure()
        settings = installation(self.lab, self.receiver, self.paths.key)
        (self.folder / ".env").write_text(written({**settings, **images}))
        (self.folder / "slipway.env").write_text(written(workers(self.lab), quoted=True))
        (self.folder / "docker-compose.override.yaml").write_text(_yaml(override()))

    def commands(self) -> list[list[str]]:
        """Return the README's commands, in their order.

        :raises LabError: when there are none.
        """
        text = (self.folder / "README.md").read_text()
        section = text.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
        found = [shlex.split(line, comments=True) for line in re.findall(r"(?m)^    (\S.*)$", section)]
        if not found:
            raise LabError(f"README.md has no commands below {HEADING!r}")
        return found

    def settings(self) -> dict[str, str]:
        """Return what ``.env`` has."""
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def services(self) -> list[Service]:
        """Return the services that were started, by name."""
        lines = self.client.compose("ps", "--all", "--format", "json").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return sorted(
            (Service(one["Service"], one["State"], one["Health"], one["Image"]) for one in found),
            key=lambda service: service.name,
        )

    def engine(self) -> docker.APIClient:
        """Return a client of the engine's own API."""
        return docker.APIClient(base_url=self.lab.docker_host, timeout=60)

    def traces(self) -> dict[str, list[str]]:
        """Return the engine's containers, networks and volumes of this installation."""
        label = f"label=com.docker.compose.project={self.project}"
        found = {
            what: self.client.docker(*command, "--filter", label).split() for what, command in TRACES.items()
        }
        return {what: names for what, names in found.items() if names}

    def remove(self) -> None:
        """Remove what is left of it, whatever became of it, but for the images."""
        if (self.folder / ".env").exists():
            self.client.compose("--profile", "*", "down", "--volumes", "--timeout", "20")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in _files(self.paths.checkout):
            source, target = self.paths.checkout / name, self.folder / name
            if source.is_file():  # and not one that was removed and is in the index yet
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)


def client_of(lab: Lab, paths: Paths, folder: Path) -> Client:
    """Return the docker command for the lab's engine, in ``folder``."""
    return Client(lab.docker_host, folder, paths.logs / "compose.log", paths.state / "bin")


def packet_filter() -> list[str]:
    """Return the machine's packet filter rules by their text, without counters and what Kubernetes has there.

    What Kubernetes has changes with what runs in it, and its chains are put before or behind the engine's.
    """
    saved = run(["iptables-save"], seconds=30)
    lines = (re.sub(r" ?\[\d+:\d+\]", "", line) for line in saved.splitlines())
    return sorted(line for line in lines if not re.search(r"^#|KUBE-|CNI-", line))


def _files(checkout: Path) -> Iterator[str]:
    listed = ["git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    yield from (name for name in run(listed).split("\0") if name)


def _yaml(document: object) -> str:
    yaml.SafeDumper.add_representer(Reset, lambda dumper, _: dumper.represent_scalar("!reset", "null"))
    return yaml.safe_dump(document, sort_keys=False)
