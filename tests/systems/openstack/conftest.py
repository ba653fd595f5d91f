"""The lab's cloud as Slipway logs in to it, and an application whose servers no other test has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.openstack.hook import OpenstackHook
from tests.systems.openstack.nova import Application

VARIABLE = "AIRFLOW_CONN_SLIPWAY_OPENSTACK"


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    """Return Slipway's own login."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, connections(lab.variables)[VARIABLE])
        with OpenstackHook().get_conn() as found:
            yield found


@pytest.fixture(scope="module")
def image(cloud: Connection) -> Iterator[str]:
    """Return the id of an image, which the lab's hypervisors do not look into."""
    made = cloud.image.create_image(
        f"test-{secrets.token_hex(4)}",
        disk_format="raw",
        container_format="bare",
        data=bytes(1024),
        wait=True,
    )
    yield str(made.id)
    cloud.image.delete_image(made.id)


@pytest.fixture
def app(cloud: Connection, image: str) -> Iterator[Application]:
    """Return an application; its servers go with the test."""
    found = Application(cloud, f"s-{secrets.token_hex(4)}", image)
    yield found
    found.remove()
