"""The registry that stands for Docker Hub: it has the base images."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from lab.images.base import PACKAGES, has_base_images, publish_base_images
from lab.patience import stretched
from lab.servers.registry import Registry


@dataclass(frozen=True)
class DockerHub(Registry):
    """A registry that is up when its base images are there."""

    packages: tuple[str, ...] = (*Registry.packages, *PACKAGES)

    def start(self) -> None:
        """Serve, and publish the base images that are missing."""
        super().start()
        paths = self.ground.paths
        with self._client() as registry:
            publish_base_images(registry, paths.cache, paths.logs / "base-images.log")

    def is_up(self) -> bool:
        """Say whether it takes its login and has the base images."""
        if not self.answers():
            return False
        with self._client() as registry:
            return has_base_images(registry)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=self.login, timeout=stretched(60), trust_env=False)
