"""The lab's OpenStack does what a tenant asks of it, and no more, with the login that Slipway has."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import openstack
import pytest
from openstack import exceptions
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.image.v2.image import Image

from lab.access import Lab
from lab.process import wait_gone

pytestmark = pytest.mark.lab

CONTENT = os.urandom(3 << 20)
SECONDS = 120
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    """The tenant's cloud, as ``clouds.yaml`` and ``OS_CLOUD`` give it."""
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one(lab["OS_CLOUD"], api_timeout=60)) as connection:
        yield connection


@pytest.fixture(scope="module")
def admin(lab: Lab) -> Iterator[Connection]:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one("admin", api_timeout=60)) as connection:
        yield connection


@pytest.fixture
def name() -> str:
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
def queued(cloud: Connection, name: str) -> Iterator[Image]:
    """An image without bytes."""
    image = cloud.image.create_image(name=name, disk_format="raw", container_format="bare")
    yield image
    cloud.image.delete_image(image, ignore_missing=True)


@pytest.fixture
def image(cloud: Connection, queued: Image) -> Image:
    """An image with ``CONTENT``."""
    cloud.image.put(f"/images/{queued.id}/file", data=CONTENT, headers=OCTETS).raise_for_status()
    return cloud.image.get_image(queued.id)


@pytest.fixture
def made(cloud: Connection) -> Iterator[list[Server]]:
    """Servers that are deleted when the test ends."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        cloud.compute.delete_server(server, ignore_missing=True)
    for server in servers:
        cloud.compute.wait_for_delete(server, wait=SECONDS)


def create(
    cloud: Connection, made: list[Server], image: Image, name: str, flavor: str = "small", **asked: object
) -> Server:
    network = cloud.network.find_network("demo", ignore_missing=False)
    server = cloud.compute.create_server(
        name=name,
        image_id=image.id,
        flavor_id=cloud.compute.find_flavor(flavor, ignore_missing=False).id,
        networks=[{"uuid": network.id}],
        **asked,
    )
    made.append(server)
    return server


def settled(cloud: Connection, server: Server, status: str = "ACTIVE") -> Server:
    """Wait until a server has ``status`` and nothing is being done to it any more."""
    cloud.compute.wait_for_server(server, status=status, failures=[], interval=0.2, wait=SECONDS)
    assert wait_gone(lambda: cloud.compute.get_server(server.id).task_state is None, SECONDS)
    return cloud.compute.get_server(server.id)


def test_the_login_is_an_application_credential_of_a_member(cloud: Connection, lab: Lab) -> None:
    token = cloud.session.auth.get_access(cloud.session)
    assert token.application_credential_id == lab["SLIPWAY_OPENSTACK_CREDENTIAL_ID"]
    assert token.project_name == "demo"
    assert set(token.role_names) <= {"member", "reader"}
    types = {entry["type"] for entry in token.service_catalog.catalog}
    assert types >= {"image", "network", "compute", "placement", "block-storage", "dns", "load-balancer"}


def test_a_wrong_secret_is_refused(lab: Lab) -> None:
    stranger = Connection(
        auth_type="v3applicationcredential",
        auth={
            "auth_url": lab["SLIPWAY_OPENSTACK_URL"],
            "application_credential_id": lab["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
            "application_credential_secret": "wrong",
        },
    )
    with pytest.raises(exceptions.SDKException, match="HTTP 401"):
        stranger.authorize()


def test_clouds_yaml_is_its_owners(lab: Lab) -> None:
    assert Path(lab["OS_CLIENT_CONFIG_FILE"]).stat().st_mode & 0o077 == 0


def test_the_login_administers_nothing(cloud: Connection, image: Image, name: str) -> None:
    with pytest.raises(exceptions.ForbiddenException):
        cloud.identity.create_user(name=name, password="x")
    with pytest.raises(exceptions.ForbiddenException):
        list(cloud.identity.projects())
    with pytest.raises(exceptions.ForbiddenException):
        cloud.compute.create_flavor(name=name, vcpus=1, ram=1, disk=1)
    with pytest.raises(exceptions.ForbiddenException):
        list(cloud.compute.hypervisors())
    with pytest.raises(exceptions.ForbiddenException):
        cloud.image.update_image(image, visibility="public")
    with pytest.raises(exceptions.ForbiddenException):
        cloud.network.update_quota(cloud.current_project_id, ports=-1)


def test_the_login_makes_no_further_credential(cloud: Connection, name: str) -> None:
    with pytest.raises(exceptions.ForbiddenException):
        cloud.identity.create_application_credential(cloud.current_user_id, name)


def test_an_image_comes_back_as_it_was_sent(cloud: Connection, image: Image) -> None:
    assert (image.status, image.size) == ("active", len(CONTENT))
    assert (image.hash_algo, image.hash_value) == ("sha512", hashlib.sha512(CONTENT).hexdigest())
    assert image.checksum == hashlib.md5(CONTENT).hexdigest()
    assert cloud.image.download_image(image).content == CONTENT
    cloud.image.delete_image(image)
    assert cloud.image.find_image(image.id) is None


def test_an_image_of_another_format_than_it_says_is_refused(cloud: Connection, name: str) -> None:
    image = cloud.image.create_image(name=name, disk_format="qcow2", container_format="bare")
    try:
        answer = cloud.image.put(f"/images/{image.id}/file", data=CONTENT, headers=OCTETS)
        assert answer.status_code == 415
        assert cloud.image.get_image(image.id).status == "queued"
    finally:
        cloud.image.delete_image(image)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a web server on loopback that has ``CONTENT`` as ``/image``."""
    (tmp_path / "image").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def task_of(cloud: Connection, image: Image) -> str:
    """Wait for an image's import; return how it ended."""
    ends: list[str] = []

    def ended() -> bool:
        [task] = cloud.image.get(f"/images/{image.id}/tasks").json()["tasks"]
        ends.append(task["status"])
        return ends[-1] in ("success", "failure")

    assert wait_gone(ended, SECONDS), f"the import does not end: {ends[-1]}"
    return ends[-1]


def imported(cloud: Connection, image: Image, url: str) -> str:
    """Have Glance fetch an image; return how that ended."""
    body = {"method": {"name": "web-download", "uri": url}}
    cloud.image.post(f"/images/{image.id}/import", json=body).raise_for_status()
    return task_of(cloud, image)


def test_glance_fetches_an_image_itself(cloud: Connection, queued: Image, served: str) -> None:
    assert imported(cloud, queued, f"{served}/image") == "success"
    found = cloud.image.get_image(queued.id)
    assert (found.status, found.hash_value) == ("active", hashlib.sha512(CONTENT).hexdigest())


def test_a_fetch_of_what_is_not_there_fails_in_its_task_only(
    cloud: Connection, queued: Image, served: str
) -> None:
    assert imported(cloud, queued, f"{served}/absent") == "failure"
    assert cloud.image.get_image(queued.id).status == "queued"


def test_glance_fetches_from_this_machine_only(cloud: Connection, queued: Image) -> None:
    body = {"method": {"name": "web-download", "uri": "http://192.0.2.1/image"}}
    assert cloud.image.post(f"/images/{queued.id}/import", json=body).status_code == 400


def test_an_image_is_staged_and_imported(cloud: Connection, queued: Image) -> None:
    cloud.image.stage_image(queued, data=CONTENT)
    cloud.image.post(
        f"/images/{queued.id}/import", json={"method": {"name": "glance-direct"}}
    ).raise_for_status()
    assert task_of(cloud, queued) == "success"
    assert cloud.image.get_image(queued.id).hash_value == hashlib.sha512(CONTENT).hexdigest()


def test_a_server_is_made_rebuilt_and_deleted(
    cloud: Connection, made: list[Server], image: Image, name: str
) -> None:
    server = settled(cloud, create(cloud, made, image, name, security_groups=[{"name": "web"}]))
    assert server.image.id == image.id
    [address] = server.addresses["demo"]
    assert address["addr"].startswith("10.20.")
    assert server.security_groups == [{"name": "web"}]

    cloud.compute.rebuild_server(server, image=image.id, name=f"{name}-again")
    again = settled(cloud, server)
    assert (again.name, again.addresses["demo"][0]["addr"]) == (f"{name}-again", address["addr"])

    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server, interval=0.2, wait=SECONDS)
    assert list(cloud.network.ports(device_id=server.id)) == []


def test_a_servers_snapshot_becomes_an_image(
    cloud: Connection, made: list[Server], image: Image, name: str
) -> None:
    server = settled(cloud, create(cloud, made, image, name))
    snapshot = cloud.compute.create_server_image(server, name, wait=True, timeout=SECONDS)
    try:
        assert cloud.image.get_image(snapshot.id).size == 1 << 20
    finally:
        cloud.image.delete_image(snapshot.id)


def test_servers_that_must_not_share_a_hypervisor_do_not(
    cloud: Connection, admin: Connection, made: list[Server], image: Image, name: str
) -> None:
    group = cloud.compute.create_server_group(name=name, policy="anti-affinity")
    try:
        hints = {"group": group.id}
        servers = [create(cloud, made, image, f"{name}-{n}", scheduler_hints=hints) for n in range(3)]
        for server in servers:
            settled(cloud, server)
        hosts = {admin.compute.get_server(server.id).compute_host for server in servers}
        assert hosts == {"compute-1", "compute-2", "compute-3"}
    finally:
        cloud.compute.delete_server_group(group)


def test_more_than_the_quota_is_refused(
    cloud: Connection, made: list[Server], image: Image, name: str
) -> None:
    with pytest.raises(exceptions.ForbiddenException, match="Quota exceeded for cores"):
        create(cloud, made, image, name, flavor="excess")


def test_more_than_any_hypervisor_has_is_an_error_with_its_reason(
    cloud: Connection, made: list[Server], image: Image, name: str
) -> None:
    server = settled(cloud, create(cloud, made, image, name, flavor="giant"), status="ERROR")
    assert "No valid host was found" in server.fault["message"]


def test_a_server_fails_as_it_is_told(cloud: Connection, made: list[Server], image: Image, name: str) -> None:
    told = {"lab_spawn_fail": "the disk is on fire"}
    server = settled(cloud, create(cloud, made, image, name, metadata=told), status="ERROR")
    assert "the disk is on fire" in server.fault["message"]


def test_a_server_has_volumes_which_go_with_it(
    cloud: Connection, made: list[Server], image: Image, name: str
) -> None:
    disks = [
        {"boot_index": 0, "uuid": image.id, "source_type": "image", "destination_type": "local"},
        {"boot_index": -1, "source_type": "blank", "destination_type": "volume", "volume_size": 1},
    ]
    asked = [{**disk, "delete_on_termination": True} for disk in disks]
    server = settled(cloud, create(cloud, made, image, name, block_device_mapping=asked))
    [attached] = server.attached_volumes
    volume = cloud.block_storage.get_volume(attached["id"])
    assert (volume.status, volume.size, volume.attachments[0]["server_id"]) == ("in-use", 1, server.id)
    cloud.compute.delete_server(server)
    assert wait_gone(lambda: volume.id not in {one.id for one in cloud.block_storage.volumes()}, SECONDS)


@pytest.mark.parametrize(
    "service", ["image", "network", "compute", "placement", "block-storage", "dns", "load-balancer"]
)
def test_services_refuse_strangers(cloud: Connection, service: str) -> None:
    paths = {
        "image": "/v2/images",
        "network": "/v2.0/networks",
        "compute": "/servers",
        "placement": "/usages",
        "block-storage": "/volumes",
        "dns": "/v2/zones",
        "load-balancer": "/v2.0/lbaas/loadbalancers",
    }
    url = cloud.session.get_endpoint(service_type=service, interface="public")
    assert httpx.get(url + paths[service], timeout=30, trust_env=False).status_code == 401


@pytest.mark.parametrize("service", ["image", "network", "compute"])
def test_services_take_addresses_as_long_as_openstacks_own_clients_make_them(
    cloud: Connection, service: str
) -> None:
    paths = {"image": "/v2/images", "network": "/v2.0/ports", "compute": "/servers"}
    url = cloud.session.get_endpoint(service_type=service, interface="public")
    long = f"{url}{paths[service]}?name={'x' * 8000}"
    assert httpx.get(long, timeout=30, trust_env=False).status_code == 401
