"""The lab's Artifactory and Glance, and a place in each for one benchmark."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import openstack

from benchmarks.servers import variables
from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.files import Files
from slipway.openstack.glance.glance import Glance, NewImage
from slipway.pipelines.images.stores import Stores


@dataclass(frozen=True)
class Stored:
    """Both stores, and where the benchmark keeps things in them."""

    both: Stores
    through_worker: Stores
    """The same, under an address of Artifactory that Glance fetches nothing from."""
    folder: str
    run: str

    def path(self, name: str) -> str:
        """Return a path of the benchmark's in Artifactory."""
        return f"{self.folder}/{name}"

    def new(self) -> NewImage:
        """Return what an image of the benchmark's is like."""
        return NewImage("benchmark", "raw", properties={"slipway_run": self.run})

    def amiss(self, path: str, digest: str) -> list[str]:
        """Say whether a file has other bytes than it should, and delete it: nothing is known next time."""
        found = self.both.files.get(path).digest
        self.both.files.delete(path)
        return [] if found == digest else [f"{path} is {found}, not {digest}"]


@contextmanager
def stored() -> Iterator[Stored]:
    """Log in; what was made is deleted in the end."""
    known = variables()
    os.environ["OS_CLIENT_CONFIG_FILE"] = known["OS_CLIENT_CONFIG_FILE"]
    name = secrets.token_hex(4)
    with openstack.connect(cloud=known["OS_CLOUD"], api_timeout=60) as cloud:
        glance = Glance(cloud)
        url = urlsplit(known["SLIPWAY_ARTIFACTORY_URL"])
        there = Stored(
            Stores(_files(known, url.geturl()), glance),
            Stores(_files(known, url._replace(netloc=f"localhost:{url.port}").geturl()), glance),
            f"generic-local/benchmarks/{name}",
            f"benchmark {name}",
        )
        try:
            yield there
        finally:
            for image in glance.find_by({"slipway_run": there.run}):
                glance.delete(str(image.id))
            there.both.files.delete(there.folder)


def _files(known: dict[str, str], url: str) -> Files:
    return Files(Catalogue(url, known["SLIPWAY_ARTIFACTORY_USER"], known["SLIPWAY_ARTIFACTORY_PASSWORD"]))
