"""Artifactory and Glance of the lab, and a place in each that one test has for itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import openstack
import pytest
from openstack.connection import Connection

from lab.access import Lab
from slipway.openstack.glance.glance import Glance
from slipway.pipelines.images.stores import Stores
from tests.pipelines.places import Connect, Counted, Place, files_of
from tests.tcp_proxy import proxy


@pytest.fixture(scope="session")
def connect(lab: Lab) -> Connect:
    """Log in to the lab's cloud, with Glance at another address if need be."""
    known = lab.variables

    def connected(glance: str | None = None) -> Connection:
        return openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            auth_type="v3applicationcredential",
            auth={
                "auth_url": known["SLIPWAY_OPENSTACK_URL"],
                "application_credential_id": known["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
                "application_credential_secret": known["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
            },
            region_name=known["SLIPWAY_OPENSTACK_REGION"],
            image_endpoint_override=glance,
            image_api_version="2",
            api_timeout=30,
        )

    return connected


@pytest.fixture(scope="session")
def both(lab: Lab, connect: Connect) -> Iterator[Stores]:
    """Both stores."""
    with connect() as cloud:
        yield Stores(files_of(lab), Glance(cloud))


@pytest.fixture
def place(both: Stores) -> Iterator[Place]:
    """A folder in Artifactory, and a run whose images are deleted afterwards."""
    name = secrets.token_hex(6)
    place = Place(f"generic-local/tests/{name}", f"tests {name}")
    yield place
    for image in both.glance.find_by({"slipway_run": place.run}):
        both.glance.delete(str(image.id))
    both.files.delete(place.folder)


@pytest.fixture
def counted(lab: Lab, both: Stores, connect: Connect) -> Iterator[Counted]:
    """Both stores, every byte counted."""
    there = urlsplit(both.glance.cloud.image.get_endpoint())
    registry = urlsplit(lab.artifactory.url)
    with ExitStack() as stack:
        glance = stack.enter_context(proxy("127.0.0.1", there.port or 0))
        artifactory = stack.enter_context(proxy("127.0.0.1", registry.port or 0))
        cloud = stack.enter_context(connect(f"http://{glance.host}/v2"))
        cloud.image.get("/info/import")  # so that what finds the version is not counted
        yield Counted(Stores(files_of(lab, artifactory.host), Glance(cloud)), artifactory, glance)
