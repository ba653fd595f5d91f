"""Where a test of the pipelines keeps what it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from openstack.connection import Connection

from lab.access import Lab, Login
from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.files import Files
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines.images.stores import Stores
from tests.tcp_proxy import Proxy

Connect = Callable[..., Connection]


@dataclass(frozen=True)
class Place:
    """Where one test keeps things."""

    folder: str
    run: str

    def path(self, name: str = "app.raw") -> str:
        return f"{self.folder}/{name}"

    def new(self, disk_format: str = "raw", **properties: str) -> NewImage:
        return NewImage("tests-copying", disk_format, properties={"slipway_run": self.run, **properties})


@dataclass(frozen=True)
class Counted:
    """Both stores behind proxies."""

    both: Stores
    artifactory: Proxy
    glance: Proxy


def files_of(lab: Lab, host: str | None = None, login: Login | None = None) -> Files:
    """Return the lab's Artifactory, at another address or with another login if need be."""
    login = login or lab.artifactory
    parts = urlsplit(login.url)
    return Files(Catalogue(parts._replace(netloc=host or parts.netloc).geturl(), login.user, login.password))
