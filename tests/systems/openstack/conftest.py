"""The lab's cloud as Slipway logs in to it, and an application whose servers no other test has."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from openstack.connection import Connection

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.openstack.hook import OpenstackHook
from tests.systems.openstack.nova import SICK, Application

VARIABLE = "AIRFLOW_CONN_SLIPWAY_OPENSTACK"


class _Page(BaseHTTPRequestHandler):
    """What every server of the lab answers: this machine has all their addresses."""

    def do_GET(self) -> None:
        self.send_response(500 if self.path == SICK else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


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


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port at which all servers answer."""
    with ThreadingHTTPServer(("0.0.0.0", 0), _Page) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served.server_address[1]
        served.shutdown()
