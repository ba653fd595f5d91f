"""The two places that keep images: Artifactory and Glance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from slipway.artifactory.files import Files
from slipway.flow.environments import CLOUD
from slipway.openstack.glance.glance import Glance


@dataclass(frozen=True)
class Stores:
    """Both of them, logged in."""

    files: Files
    glance: Glance


@contextmanager
def connected(cloud: str = CLOUD) -> Iterator[Stores]:
    """Log in with Airflow's connections ``slipway_artifactory`` and, to Glance, ``cloud``."""
    from slipway.artifactory.hook import ArtifactoryHook
    from slipway.openstack.hook import OpenstackHook

    with OpenstackHook(cloud).get_conn() as connection:
        yield Stores(Files(ArtifactoryHook().get_conn()), Glance(connection))
