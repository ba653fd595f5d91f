"""Where traffic to servers comes from, on real Octavia and Designate: switched, gone back to, refused."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection
from openstack.exceptions import ConflictException

from lab.process import wait_gone
from slipway.flow.nova.steps import Done, Fail
from slipway.openstack.errors import OpenstackError
from slipway.openstack.octavia import pools
from tests.systems.openstack.nova import Application, raises

pytestmark = pytest.mark.lab

SECONDS = 60
FOREIGN = "192.0.2.250"
"""An address that Neutron gives to no server of ours."""
ZONE = "demo.slipway.test."


class Balancer:
    """A load balancer with one pool, which has a member that is nobody's business."""

    def __init__(self, cloud: Connection) -> None:
        self.cloud, self.name = cloud, f"test-{secrets.token_hex(4)}"
        subnet: Any = cloud.network.find_subnet("demo", ignore_missing=False)
        self.id = cloud.load_balancer.create_load_balancer(name=self.name, vip_subnet_id=subnet.id).id
        self.settle()
        listener = cloud.load_balancer.create_listener(
            load_balancer_id=self.id, protocol="HTTP", protocol_port=80
        )
        self.settle()
        self.pool: Any = cloud.load_balancer.create_pool(
            name=self.name, listener_id=listener.id, protocol="HTTP", lb_algorithm="ROUND_ROBIN"
        )
        self.settle()
        cloud.load_balancer.create_member(self.pool, address=FOREIGN, protocol_port=8080, weight=7)
        self.settle()

    def settle(self) -> None:
        """Wait until it takes changes again."""
        self.cloud.load_balancer.wait_for_load_balancer(
            self.id, status="ACTIVE", failures=[], interval=0.1, wait=SECONDS
        )

    def members(self) -> dict[str, int]:
        """The weights by the members' names; the foreign one has none."""
        return {one.name or "foreign": one.weight for one in self.cloud.load_balancer.members(self.pool)}

    def remove(self) -> None:
        self.settle()
        self.cloud.load_balancer.delete_load_balancer(self.id, cascade=True)


@pytest.fixture
def balancer(cloud: Connection) -> Iterator[Balancer]:
    made = Balancer(cloud)
    yield made
    made.remove()


def names(app: Application, commit: str, count: int) -> list[str]:
    return [f"{app.name}-staging-{commit * 12}-{index}" for index in range(count)]


@pytest.mark.parametrize("strategy", ["rolling", "blue_green"])
def test_a_release_takes_the_pool_over_in_one_change_and_leaves_others_alone(
    app: Application, balancer: Balancer, strategy: str
) -> None:
    pool = {"pool": balancer.name, "port": 8080}
    spec = {"count": 2, "batch": 2, "strategy": strategy, "load_balancer": pool}
    app.release(app.plan(1, **spec), "run-1")
    assert balancer.members() == {"foreign": 7, **dict.fromkeys(names(app, "1", 2), 1)}
    second = app.plan(2, **spec)
    assert app.roll_out(second, "run-2") == Done()
    old, new = names(app, "1", 2), names(app, "2", 2)
    assert balancer.members() == {"foreign": 7, **dict.fromkeys(old, 0), **dict.fromkeys(new, 1)}
    app.keep(second, "run-2")
    assert balancer.members() == {"foreign": 7, **dict.fromkeys(new, 1)}


def test_the_way_back_takes_the_traffic_back_first(app: Application, balancer: Balancer) -> None:
    spec = {"count": 2, "load_balancer": {"pool": str(balancer.pool.id), "port": 8080}}
    app.release(app.plan(1, **spec), "run-1")
    second = app.plan(2, **spec, metadata={"lab_spawn_fail": "the disk is on fire"})
    assert isinstance(app.roll_out(second, "run-2"), Fail)
    third = app.plan(3, **spec)
    assert app.roll_out(third, "run-3") == Done()
    assert app.go_back(third, "run-3") == Done()
    assert balancer.members()["foreign"] == 7
    serving = {name for name, weight in balancer.members().items() if weight == 1}
    assert serving == set(names(app, "1", 2))


def test_a_load_balancer_that_is_busy_is_waited_for(app: Application, balancer: Balancer) -> None:
    cloud, plan = app.cloud, app.plan(1, load_balancer={"pool": balancer.name, "port": 8080})
    cloud.load_balancer.update_load_balancer(balancer.id, tags=["lab-delay-5"])
    with pytest.raises(ConflictException):
        cloud.load_balancer.update_pool(balancer.pool, description="twice")
    assert app.roll_out(plan, "run-1") == Done()
    assert balancer.members() == {"foreign": 7, names(app, "1", 1)[0]: 1}


def test_a_load_balancer_that_fails_is_named_with_the_cure(app: Application, balancer: Balancer) -> None:
    app.cloud.load_balancer.update_pool(balancer.pool, tags=["lab-fail-update"])
    balancer.settle()
    plan = app.plan(1, load_balancer={"pool": balancer.name, "port": 8080})
    for _ in range(2):  # when it fails, and when it has failed before
        with pytest.raises(OpenstackError, match=f"pool {balancer.name} .* is in ERROR.*failover"):
            app.roll_out(plan, "run-1")


def test_a_server_that_the_monitor_does_not_reach_fails_the_release(
    app: Application, balancer: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SECONDS", 3.0)
    balances = app.cloud.load_balancer
    balances.create_health_monitor(pool_id=balancer.pool.id, type="TCP", delay=5, timeout=3, max_retries=2)
    balancer.settle()
    spec = {"load_balancer": {"pool": balancer.name, "port": 8080}}
    app.release(app.plan(1, **spec), "run-1")
    balances.update_pool(balancer.pool, tags=["lab-sick"])
    balancer.settle()
    second = app.plan(2, **spec)
    [name] = names(app, "2", 1)
    with pytest.raises(
        OpenstackError, match=rf"monitor .* calls {name} \(10\.20\..* ERROR .*allow port 8080 from"
    ):
        app.roll_out(second, "run-2")
    balances.update_pool(balancer.pool, tags=[])
    balancer.settle()
    assert app.go_back(second, "run-2") == Done()
    assert {one for one, weight in balancer.members().items() if weight == 1} == set(names(app, "1", 1))


@pytest.fixture
def host(cloud: Connection) -> Iterator[str]:
    """A name that is nobody's."""
    name = f"h-{secrets.token_hex(4)}.{ZONE}"
    yield name
    zone: Any = cloud.dns.find_zone(ZONE, ignore_missing=False)
    for one in cloud.dns.recordsets(zone.id, name=name):
        cloud.dns.delete_recordset(one, zone.id)


def leads(cloud: Connection, name: str) -> set[str]:
    zone: Any = cloud.dns.find_zone(ZONE, ignore_missing=False)
    return {address for one in cloud.dns.recordsets(zone.id, name=name) for address in one.records}


@pytest.mark.parametrize("strategy", ["rolling", "blue_green"])
def test_a_name_leads_to_the_release_and_the_old_servers_serve_while_it_is_remembered(
    app: Application, host: str, port: int, strategy: str
) -> None:
    name, health = {"name": host, "ttl_seconds": 3}, {"port": port, "path": "/"}
    spec = {"count": 2, "batch": 2, "strategy": strategy, "dns": name, "health": health}
    kept = app.release(app.plan(1, **spec), "run-1")
    assert kept.url == f"http://{host.removesuffix('.')}:{port}/"
    first = {one.address for one in app.servers()}
    assert leads(app.cloud, host) == first
    second = app.plan(2, **spec)
    assert app.roll_out(second, "run-2") == Done()
    old = {one.address for one in app.servers() if one.mark.claim.run == "run-1"}
    assert old == first
    assert leads(app.cloud, host) == {one.address for one in app.servers()} - first
    assert app.go_back(second, "run-2") == Done()
    assert leads(app.cloud, host) == first


def test_a_name_without_servers_is_removed(app: Application, host: str) -> None:
    plan = app.plan(1, dns={"name": host})
    assert app.roll_out(plan, "run-1") == Done()
    assert leads(app.cloud, host)
    assert app.go_back(plan, "run-1") == Done()
    assert wait_gone(partial(lambda: not leads(app.cloud, host)), SECONDS)


def test_a_name_of_somebody_elses_is_refused_before_anything_is_made(app: Application, host: str) -> None:
    zone: Any = app.cloud.dns.find_zone(ZONE, ignore_missing=False)
    app.cloud.dns.create_recordset(zone.id, name=host, type="A", records=["192.0.2.1"], description="mail")
    said = raises(lambda: app.plan(1, dns={"name": host}))
    assert f"{host} leads to 192.0.2.1 in a record set that Slipway did not make (mail)" in said


@pytest.mark.parametrize(
    ("nova", "said"),
    [
        (
            {"load_balancer": {"pool": "nowhere", "port": 80}},
            "vm.nova.load_balancer.pool: the cloud has no 'nowhere'.",
        ),
        (
            {"dns": {"name": "shop.example.org."}},
            f"vm.nova.dns.name: shop.example.org. is in no zone of the project. Its zones: {ZONE}",
        ),
    ],
)
def test_place_that_the_cloud_does_not_have_names_those_it_has(
    app: Application, nova: dict[str, Any], said: str
) -> None:
    assert said in raises(lambda: app.plan(1, **nova))
