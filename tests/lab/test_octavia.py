"""The lab's Octavia: load balancers of the tenant's, which are busy after each change, and fail as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from uuid import uuid4

import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection
from openstack.load_balancer.v2.load_balancer import LoadBalancer
from openstack.load_balancer.v2.member import Member
from openstack.load_balancer.v2.pool import Pool

from lab.access import Lab
from lab.process import wait_gone

pytestmark = pytest.mark.lab

SECONDS = 60
ADDRESSES = ("10.20.0.201", "10.20.0.202")


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one("slipway", api_timeout=SECONDS)) as connection:
        yield connection


@pytest.fixture
def make(cloud: Connection) -> Iterator[Callable[..., LoadBalancer]]:
    """Makes a load balancer that is gone when the test ends."""
    made: list[LoadBalancer] = []

    def create(*tags: str) -> LoadBalancer:
        subnet = cloud.network.find_subnet("demo", ignore_missing=False)
        name = f"test-{uuid4().hex[:12]}"
        balancer = cloud.load_balancer.create_load_balancer(
            name=name, vip_subnet_id=subnet.id, tags=list(tags)
        )
        made.append(balancer)
        return balancer

    yield create
    for balancer in made:
        if cloud.load_balancer.find_load_balancer(balancer.id):
            assert wait_gone(partial(is_settled, cloud, balancer), SECONDS)
            cloud.load_balancer.delete_load_balancer(balancer.id, cascade=True)
            cloud.load_balancer.wait_for_delete(balancer, interval=0.1, wait=SECONDS)


@pytest.fixture
def balancer(cloud: Connection, make: Callable[..., LoadBalancer]) -> LoadBalancer:
    return settled(cloud, make())


def is_settled(cloud: Connection, balancer: LoadBalancer) -> bool:
    """Say whether no change of it goes on."""
    found = cloud.load_balancer.get_load_balancer(balancer.id)
    return not str(found.provisioning_status).startswith("PENDING")


def settled(cloud: Connection, balancer: LoadBalancer, status: str = "ACTIVE") -> LoadBalancer:
    """Wait until a load balancer has ``status``."""
    return cloud.load_balancer.wait_for_load_balancer(
        balancer.id, status=status, failures=[], interval=0.1, wait=SECONDS
    )


def pool_of(cloud: Connection, balancer: LoadBalancer) -> Pool:
    """Give a load balancer a listener on port 80 and its pool."""
    listener = cloud.load_balancer.create_listener(
        load_balancer_id=balancer.id, protocol="TCP", protocol_port=80
    )
    settled(cloud, balancer)
    pool = cloud.load_balancer.create_pool(
        listener_id=listener.id, protocol="TCP", lb_algorithm="ROUND_ROBIN"
    )
    settled(cloud, balancer)
    return pool


def member_of(
    cloud: Connection, balancer: LoadBalancer, pool: Pool, address: str = ADDRESSES[0], *tags: str
) -> Member:
    """Give a pool a member, and wait for it."""
    member = cloud.load_balancer.create_member(pool, address=address, protocol_port=80, tags=list(tags))
    settled(cloud, balancer)
    return member


def states(cloud: Connection, pool: Pool) -> dict[str, tuple[str, str]]:
    """Return both states of each member, by its address."""
    members = cloud.load_balancer.members(pool)
    return {one.address: (one.provisioning_status, one.operating_status) for one in members}


def test_a_load_balancer_has_an_address_of_the_subnet(cloud: Connection, balancer: LoadBalancer) -> None:
    port = cloud.network.get_port(balancer.vip_port_id)
    assert [fixed["ip_address"] for fixed in port.fixed_ips] == [balancer.vip_address]
    assert balancer.vip_address.startswith("10.20.")
    assert (balancer.operating_status, balancer.provider) == ("ONLINE", "lab")


def test_members_are_active_once_the_load_balancer_is(cloud: Connection, balancer: LoadBalancer) -> None:
    pool = pool_of(cloud, balancer)
    for address in ADDRESSES:
        member_of(cloud, balancer, pool, address)
    assert states(cloud, pool) == dict.fromkeys(ADDRESSES, ("ACTIVE", "NO_MONITOR"))
    cloud.load_balancer.create_health_monitor(pool_id=pool.id, type="TCP", delay=5, timeout=3, max_retries=2)
    settled(cloud, balancer)
    assert states(cloud, pool) == dict.fromkeys(ADDRESSES, ("ACTIVE", "ONLINE"))


def test_a_load_balancer_that_is_changed_takes_no_second_change(
    cloud: Connection, make: Callable[..., LoadBalancer]
) -> None:
    balancer = make("lab-delay-2")
    assert balancer.provisioning_status == "PENDING_CREATE"
    with pytest.raises(exceptions.ConflictException, match="Invalid state PENDING_CREATE"):
        cloud.load_balancer.update_load_balancer(balancer.id, name="another")
    settled(cloud, balancer)
    busy = cloud.load_balancer.update_load_balancer(balancer.id, name="another")
    assert busy.provisioning_status == "PENDING_UPDATE"
    with pytest.raises(exceptions.ConflictException, match="is immutable"):
        cloud.load_balancer.create_listener(load_balancer_id=balancer.id, protocol="TCP", protocol_port=80)
    assert settled(cloud, balancer).name == "another"


def test_a_member_is_drained_and_removed(cloud: Connection, balancer: LoadBalancer) -> None:
    pool = pool_of(cloud, balancer)
    first, _ = (member_of(cloud, balancer, pool, address) for address in ADDRESSES)
    changed = cloud.load_balancer.update_member(first, pool, weight=0)
    assert (changed.weight, changed.provisioning_status) == (0, "PENDING_UPDATE")
    settled(cloud, balancer)
    cloud.load_balancer.delete_member(first, pool)
    settled(cloud, balancer)
    assert list(states(cloud, pool)) == [ADDRESSES[1]]


def test_members_are_replaced_at_once(cloud: Connection, balancer: LoadBalancer) -> None:
    pool = pool_of(cloud, balancer)
    kept = member_of(cloud, balancer, pool)
    member_of(cloud, balancer, pool, ADDRESSES[1])
    wanted = [{"address": address, "protocol_port": 80} for address in (ADDRESSES[0], "10.20.0.203")]
    cloud.load_balancer.put(f"/lbaas/pools/{pool.id}/members", json={"members": wanted}).raise_for_status()
    settled(cloud, balancer)
    found = {member.address: member.id for member in cloud.load_balancer.members(pool)}
    assert set(found) == {ADDRESSES[0], "10.20.0.203"}
    assert found[ADDRESSES[0]] == kept.id


def test_a_deletion_takes_all_parts_and_the_address_with_it(
    cloud: Connection, balancer: LoadBalancer
) -> None:
    pool = pool_of(cloud, balancer)
    member_of(cloud, balancer, pool)
    with pytest.raises(exceptions.BadRequestException, match="it has children"):
        cloud.load_balancer.delete_load_balancer(balancer.id)
    cloud.load_balancer.delete_load_balancer(balancer.id, cascade=True)
    cloud.load_balancer.wait_for_delete(balancer, interval=0.1, wait=SECONDS)
    assert not list(cloud.load_balancer.listeners(load_balancer_id=balancer.id))
    assert cloud.load_balancer.find_pool(pool.id) is None
    assert cloud.network.find_port(balancer.vip_port_id) is None


def test_a_member_fails_as_it_is_told_and_is_mended(cloud: Connection, balancer: LoadBalancer) -> None:
    pool = pool_of(cloud, balancer)
    member = member_of(cloud, balancer, pool, ADDRESSES[0], "lab-fail-update")
    assert states(cloud, pool)[ADDRESSES[0]][0] == "ACTIVE"
    cloud.load_balancer.update_member(member, pool, weight=0)
    settled(cloud, balancer)
    assert states(cloud, pool)[ADDRESSES[0]][0] == "ERROR"
    cloud.load_balancer.update_member(member, pool, tags=[])
    settled(cloud, balancer)
    assert states(cloud, pool)[ADDRESSES[0]][0] == "ACTIVE"


def test_a_load_balancer_in_error_takes_nothing_but_its_deletion(
    cloud: Connection, make: Callable[..., LoadBalancer]
) -> None:
    balancer = settled(cloud, make("lab-fail-create"), status="ERROR")
    with pytest.raises(exceptions.ConflictException, match="Invalid state ERROR"):
        cloud.load_balancer.update_load_balancer(balancer.id, name="another")
    cloud.load_balancer.delete_load_balancer(balancer.id)
    cloud.load_balancer.wait_for_delete(balancer, interval=0.1, wait=SECONDS)


def test_nobody_sees_another_projects_load_balancers(lab: Lab, balancer: LoadBalancer) -> None:
    bob = Connection(
        auth={
            "auth_url": lab["SLIPWAY_OPENSTACK_URL"],
            "username": "bob",
            "password": lab["SLIPWAY_BOB_PASSWORD"],
            "project_name": "other",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        region_name=lab["SLIPWAY_OPENSTACK_REGION"],
        api_timeout=SECONDS,
    )
    assert not list(bob.load_balancer.load_balancers())
    with pytest.raises(exceptions.ForbiddenException):
        bob.load_balancer.get_load_balancer(balancer.id)
