"""The server that stands for Artifactory: ``python -m lab.artifactory``, in front of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from lab.daemon import Daemon, asked
from lab.ground import Ground
from lab.images.vm import PACKAGES, vm_base
from lab.images.vm_publish import is_in_artifactory, put_into_artifactory
from lab.own_server import own_server
from lab.patience import stretched
from lab.ports import HOST
from lab.process import Process
from lab.servers.registry import Registry


@dataclass(frozen=True)
class Artifactory(Daemon):
    """Generic repositories of its own; its docker repositories' images are in ``registry``."""

    ground: Ground
    registry: Registry
    name: str = "artifactory"
    packages: tuple[str, ...] = PACKAGES

    @property
    def needs(self) -> tuple[str, ...]:
        """The registry."""
        return (self.registry.name,)

    @property
    def url(self) -> str:
        """The address that its API's paths begin with."""
        return f"http://{HOST}:{self._port}/artifactory"

    def start(self) -> None:
        """Serve from ``.lab/artifactory``, and keep the base image of virtual machines there."""
        super().start()
        paths = self.ground.paths
        with self._client() as client:
            put_into_artifactory(client, vm_base(paths.cache, paths.logs / "vm-base.log"))

    def is_up(self) -> bool:
        """Say whether it answers, and has the base image."""
        if not self.answers():
            return False
        with self._client() as client:
            return is_in_artifactory(client)

    def exports(self) -> Mapping[str, str]:
        """Address, user and password; and those of a user who may read only."""
        secret = self.ground.logins.secret
        return {
            "SLIPWAY_ARTIFACTORY_URL": self.url,
            "SLIPWAY_ARTIFACTORY_USER": "slipway",
            "SLIPWAY_ARTIFACTORY_PASSWORD": secret(self.name),
            "SLIPWAY_ARTIFACTORY_READER_USER": "reader",
            "SLIPWAY_ARTIFACTORY_READER_PASSWORD": secret(f"{self.name}-reader"),
        }

    def answers(self) -> bool:
        """Say whether it answers."""
        return asked(f"{self.url}/api/system/ping") is not None

    def _client(self) -> httpx.Client:
        own = self.exports()
        login = own["SLIPWAY_ARTIFACTORY_USER"], own["SLIPWAY_ARTIFACTORY_PASSWORD"]
        return httpx.Client(base_url=self.url, auth=login, timeout=stretched(60), trust_env=False)

    @property
    def _port(self) -> int:
        return self.ground.ports.get(self.name, 8082)

    @property
    def process(self) -> Process:
        """``python -m lab.artifactory``."""
        own, (user, password) = self.exports(), self.registry.login
        return own_server(
            self.ground,
            self.name,
            self._port,
            *("--docker-registry", self.registry.url),
            LAB_ARTIFACTORY_USER=own["SLIPWAY_ARTIFACTORY_USER"],
            LAB_ARTIFACTORY_PASSWORD=own["SLIPWAY_ARTIFACTORY_PASSWORD"],
            LAB_ARTIFACTORY_READER_USER=own["SLIPWAY_ARTIFACTORY_READER_USER"],
            LAB_ARTIFACTORY_READER_PASSWORD=own["SLIPWAY_ARTIFACTORY_READER_PASSWORD"],
            LAB_ARTIFACTORY_REGISTRY_USER=user,
            LAB_ARTIFACTORY_REGISTRY_PASSWORD=password,
        )
