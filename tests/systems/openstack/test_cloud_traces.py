"""What builds leave in a real cloud: found by its marks, removed once, and nothing else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import openstack
import pytest
from openstack.connection import Connection

from lab.access import Lab
from slipway.flow.orphans import Trace
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.traces import CloudTraces

pytestmark = pytest.mark.lab
RUN = "asset_triggered__2030-01-02T12:00:00.000000+00:00_abcdefgh"


def _login(lab: Lab) -> dict[str, object]:
    return {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": lab["SLIPWAY_OPENSTACK_URL"],
            "application_credential_id": lab["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
            "application_credential_secret": lab["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
        },
        "region_name": lab["SLIPWAY_OPENSTACK_REGION"],
        "api_timeout": 60,
    }


@pytest.fixture
def name(cloud: Connection) -> Iterator[str]:
    """The name of a build of the test's own; what is left of it goes."""
    made = f"slipway-build-test-{secrets.token_hex(8)}"
    yield made
    for trace in CloudTraces(cloud).find():
        if trace.name == made:
            CloudTraces(cloud).remove(trace)


def found(cloud: Connection, name: str) -> dict[str, Trace]:
    return {trace.kind: trace for trace in CloudTraces(cloud).find() if trace.name == name}


def make_image(cloud: Connection, name: str, **properties: str) -> str:
    body = {"name": name, "disk_format": "raw", "container_format": "bare", **properties}
    return str(cloud.image.post("/images", json=body).json()["id"])


def test_everything_a_build_leaves_is_found_and_removed(cloud: Connection, name: str) -> None:
    group = cloud.network.create_security_group(name=name)
    cloud.network.set_tags(group, [f"slipway_run={RUN}"])
    network = cloud.network.find_network("demo")
    port = cloud.network.create_port(network_id=network.id, name=name)
    cloud.compute.create_keypair(name=name)
    image = make_image(cloud, name, slipway_run=RUN)
    volume = cloud.block_storage.create_volume(name=name, size=1, metadata={"slipway_run": RUN})
    cloud.block_storage.wait_for_status(volume, "available", interval=0.2, wait=60)
    traces = found(cloud, name)
    assert {kind: trace.run for kind, trace in traces.items()} == {
        "key pair": "",
        "volume": RUN,
        "port": "",
        "security group": RUN,
        "half-uploaded image": RUN,
    }
    assert traces["port"].id == port.id
    assert traces["half-uploaded image"].id == image
    for trace in traces.values():
        assert CloudTraces(cloud).remove(trace)
        assert CloudTraces(cloud).remove(trace)
    assert found(cloud, name) == {}


def test_a_build_server_is_found_by_its_metadata(cloud: Connection, name: str) -> None:
    image = make_image(cloud, f"test-{name}")
    cloud.image.put(
        f"/images/{image}/file", data=b"\0" * 1024, headers={"Content-Type": "application/octet-stream"}
    )
    flavor, network = cloud.compute.find_flavor("small"), cloud.network.find_network("demo")
    try:
        for metadata, called in (({"slipway_run": RUN}, name), ({"slipway_run": RUN}, f"web-{name}")):
            cloud.compute.create_server(
                name=called,
                image_id=image,
                flavor_id=flavor.id,
                networks=[{"uuid": network.id}],
                metadata=metadata,
            )
        trace = found(cloud, name)["server"]
        assert trace.run == RUN
        assert CloudTraces(cloud).remove(trace)
        left = {server.name for server in cloud.compute.servers() if server.status != "DELETED"}
        assert f"web-{name}" in left
    finally:
        for server in cloud.compute.servers():
            if server.name.endswith(name):
                cloud.compute.delete_server(server, ignore_missing=True)
                cloud.compute.wait_for_delete(server)
        cloud.image.delete(f"/images/{image}")


def test_what_is_not_a_builds_is_not_looked_at(cloud: Connection, name: str) -> None:
    plain = f"web-{name}"
    cloud.compute.create_keypair(name=plain)
    image = make_image(cloud, name)  # half-uploaded, and no run made it
    try:
        names = {trace.name for trace in CloudTraces(cloud).find()}
        assert plain not in names
        assert name not in names
        assert "default" not in names
    finally:
        cloud.compute.delete_keypair(plain)
        cloud.image.delete(f"/images/{image}")


def test_an_image_that_became_active_meanwhile_stays(cloud: Connection, name: str) -> None:
    image = make_image(cloud, name, slipway_run=RUN)
    trace = found(cloud, name)["half-uploaded image"]
    headers = {"Content-Type": "application/octet-stream"}
    cloud.image.put(f"/images/{image}/file", data=b"\0" * 1024, headers=headers)
    try:
        status = cloud.image.get(f"/images/{image}").json()["status"]
        assert status == "active"
        assert not CloudTraces(cloud).remove(trace)
    finally:
        cloud.image.delete(f"/images/{image}")


def test_what_carries_another_run_by_now_stays(cloud: Connection, name: str) -> None:
    group = cloud.network.create_security_group(name=name)
    cloud.network.set_tags(group, [f"slipway_run={RUN}"])
    trace = found(cloud, name)["security group"]
    cloud.network.set_tags(group, ["slipway_run=another"])
    assert not CloudTraces(cloud).remove(trace)
    assert found(cloud, name)["security group"].run == "another"


def test_what_is_in_use_is_told(cloud: Connection, name: str) -> None:
    group = cloud.network.create_security_group(name=name)
    network = cloud.network.find_network("demo")
    port = cloud.network.create_port(network_id=network.id, name=f"web-{name}", security_group_ids=[group.id])
    try:
        with pytest.raises(TransientOpenstackError, match=f"security group {name}.*in use"):
            CloudTraces(cloud).remove(found(cloud, name)["security group"])
    finally:
        cloud.network.delete_port(port)


def test_a_cloud_that_is_away_is_told(lab: Lab) -> None:
    login = json.loads(json.dumps(_login(lab)))
    login["auth"]["auth_url"] = "http://127.0.0.1:1/v3"
    with pytest.raises(TransientOpenstackError, match="OpenStack does not answer on its catalogue"):
        list(CloudTraces(openstack.connect(load_yaml_config=False, **login)).find())
