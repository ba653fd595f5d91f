"""The lab's hypervisor boots servers, on a network that reaches them, apart from the hosts that do not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import openstack
import pytest
from openstack.compute.v2.server import Server
from openstack.connection import Connection

from lab.access import Lab
from lab.ground import Ground
from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor.layout import Layout
from lab.openstack.hypervisor.libvirtd import Libvirtd
from lab.process import born, wait_gone

pytestmark = pytest.mark.lab

SECONDS = 120
INTERFACES = Path("/sys/class/net/slipway-real/brif")


def connected(lab: Lab, cloud: str) -> Connection:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    return Connection(config=config.get_one(cloud, api_timeout=60))


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    with connected(lab, "slipway") as connection:
        yield connection


@pytest.fixture(scope="module")
def admin(lab: Lab) -> Iterator[Connection]:
    with connected(lab, "admin") as connection:
        yield connection


@dataclass
class Maker:
    """Makes servers of the tenant's, and remembers them."""

    cloud: Connection
    base: str
    made: list[Server]

    def __call__(self, of: Connection | None = None, network: str = "real", **asked: Any) -> Server:
        """Make a server; ``of`` is who asks for it, the tenant unless said otherwise."""
        of = of or self.cloud
        flavor = of.compute.find_flavor(asked.pop("flavor", "real"), ignore_missing=False)
        known = self.cloud.network.find_network(network, ignore_missing=False)
        server = of.compute.create_server(
            name=f"test-{uuid4().hex[:12]}",
            image_id=asked.pop("image", self.base),
            flavor_id=flavor.id,
            networks=asked.pop("networks", [{"uuid": known.id}]),
            **asked,
        )
        self.made.append(server)
        return server


@pytest.fixture
def make(lab: Lab, cloud: Connection, admin: Connection) -> Iterator[Maker]:
    maker = Maker(cloud, lab["SLIPWAY_VM_BASE"], [])
    yield maker
    for server in maker.made:
        admin.compute.delete_server(server.id, ignore_missing=True)
    for server in maker.made:
        admin.compute.wait_for_delete(server, interval=0.2, wait=SECONDS)


def settled(cloud: Connection, server: Server, status: str = "ACTIVE") -> Server:
    cloud.compute.wait_for_server(server, status=status, failures=[], interval=0.2, wait=SECONDS)
    assert wait_gone(lambda: cloud.compute.get_server(server.id).task_state is None, SECONDS)
    return cloud.compute.get_server(server.id)


def address(server: Server) -> str:
    [interface] = server.addresses["real"]
    return str(interface["addr"])


def page(server: Server) -> str:
    """Wait until a server's web server answers; return its page."""
    pages: list[str] = []

    def answers() -> bool:
        try:
            pages.append(httpx.get(f"http://{address(server)}/", timeout=2, trust_env=False).text)
        except httpx.HTTPError:
            return False
        return True

    assert wait_gone(answers, SECONDS), f"nobody answers at {address(server)}"
    return pages[-1]


@pytest.fixture
def key(cloud: Connection, tmp_path: Path) -> Iterator[Path]:
    """A key pair that Nova knows by the file's name."""
    private = tmp_path / f"test-{uuid4().hex[:12]}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True, timeout=30)
    public = private.with_suffix(".pub").read_text()
    cloud.compute.create_keypair(name=private.name, public_key=public)
    yield private
    cloud.compute.delete_keypair(private.name)


def over_ssh(server: Server, key: Path, command: str) -> str:
    options = [
        "UserKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=no",
        "BatchMode=yes",
        "ConnectTimeout=10",
    ]
    given = [word for option in options for word in ("-o", option)]
    ssh = ["ssh", *given, "-i", str(key), f"root@{address(server)}", command]
    done: list[subprocess.CompletedProcess[str]] = []

    def answers() -> bool:  # 255: nobody listens yet, or does not know the key yet
        done.append(subprocess.run(ssh, check=False, capture_output=True, text=True, timeout=60))
        return done[-1].returncode != 255

    assert wait_gone(answers, SECONDS), done[-1].stderr
    done[-1].check_returncode()
    return done[-1].stdout


def test_a_server_boots_comes_back_as_an_image_at_its_address_and_leaves_nothing(
    lab: Lab, cloud: Connection, admin: Connection, make: Maker, key: Path, ground: Ground
) -> None:
    """Without KVM a boot takes a core for its time: two of them show everything."""
    first = settled(cloud, make(key_name=key.name, config_drive=True))
    other = settled(cloud, make(flavor="small", network="demo"))
    # Servers land where their flavor says.
    assert admin.compute.get_server(first.id).compute_host == "lab"
    assert admin.compute.get_server(other.id).compute_host.startswith("compute-")
    assert_libvirt_keeps_to_the_lab_that_started_it(lab, first, ground)
    known = address(first)
    assert page(first) == "nothing is installed here yet\n"
    assert "Linux" in over_ssh(first, key, "echo written here > /srv/www/index.html; uname")
    assert wait_gone(lambda: "login:" in cloud.compute.get_server_console_output(first.id)["output"], SECONDS)

    # Nothing but the power button tells the guest to write it to its disk.
    cloud.compute.stop_server(first)
    image = cloud.compute.create_server_image(
        settled(cloud, first, "SHUTOFF"), first.name, wait=True, timeout=SECONDS
    )
    deleted(cloud, first)
    try:
        network = cloud.network.find_network("real", ignore_missing=False)
        at = [{"uuid": network.id, "fixed_ip": known}]
        second = settled(cloud, make(image=image.id, networks=at))
        assert address(second) == known
        assert page(second) == "written here\n"
    finally:
        cloud.image.delete_image(image.id)
    assert_a_deleted_server_leaves_nothing(lab, cloud, second)


def deleted(cloud: Connection, server: Server) -> None:
    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server, interval=0.2, wait=SECONDS)


def assert_a_deleted_server_leaves_nothing(lab: Lab, cloud: Connection, server: Server) -> None:
    [port] = cloud.network.ports(device_id=server.id)
    tap, given = INTERFACES / f"tap{port.id[:11]}", lab.state / "openstack/hypervisor/ports" / port.id
    assert tap.exists()
    assert given.read_text() == f"{port.mac_address},{address(server)}\n"
    assert server.id in machines(lab["SLIPWAY_LIBVIRT_URI"])

    deleted(cloud, server)
    assert not tap.exists()
    assert not given.exists()
    assert server.id not in machines(lab["SLIPWAY_LIBVIRT_URI"])


def machines(uri: str) -> list[str]:
    """Return the ids of the machines that a libvirt knows."""
    virsh = ["virsh", "--connect", uri, "list", "--all", "--uuid"]
    return subprocess.run(virsh, check=True, capture_output=True, text=True, timeout=30).stdout.split()


def assert_libvirt_keeps_to_the_lab_that_started_it(lab: Lab, server: Server, ground: Ground) -> None:
    layout = Layout(Cloud(ground))
    other = Libvirtd(layout)
    layout.folder.mkdir(parents=True)
    other.start()
    try:
        assert machines(layout.uri) == []
        pid = other.process.pid
    finally:
        other.stop()
    assert pid is not None
    assert born(pid) is None
    assert not layout.sockets.exists()
    assert server.id in machines(lab["SLIPWAY_LIBVIRT_URI"])


@pytest.mark.parametrize(("flavor", "host"), [("small", "lab"), ("real", "compute-1")])
def test_servers_land_nowhere_else(admin: Connection, make: Maker, flavor: str, host: str) -> None:
    server = settled(admin, make(admin, flavor=flavor, host=host, networks="none"), "ERROR")
    assert "No valid host was found" in server.fault["message"]


def test_a_server_that_boots_is_not_on_a_network_without_a_bridge(cloud: Connection, make: Maker) -> None:
    server = settled(cloud, make(network="demo"), "ERROR")
    assert "Exhausted all hosts" in server.fault["message"]
    assert list(cloud.network.ports(device_id=server.id)) == []
