"""The lab's Designate, as a tenant uses it, and the name server that answers what the tenant wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar
from uuid import uuid4

import dns.message
import dns.query
import dns.rcode
import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection
from openstack.dns.v2.recordset import Recordset
from openstack.dns.v2.zone import Zone
from openstack.resource import wait_for_status

from lab.access import Lab
from lab.ground import Ground, ground_of
from lab.openstack.cloud import Cloud
from lab.openstack.login import connect
from lab.openstack.names import EMAIL, NAMESERVER, ZONE
from lab.openstack.nameserver import Nameserver
from lab.paths import this_checkout
from lab.ports import HOST
from lab.process import wait_gone

SECONDS = 60
on_lab = pytest.mark.lab
Answer = tuple[str, int | None, set[str]]
NOBODY: Answer = ("NXDOMAIN", None, set())
Changed = TypeVar("Changed", Zone, Recordset)


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    """The tenant's cloud, as ``clouds.yaml`` and ``OS_CLOUD`` give it."""
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one(lab["OS_CLOUD"], api_timeout=60)) as connection:
        yield connection


@pytest.fixture
def zone(cloud: Connection) -> Iterator[Zone]:
    """A zone in which nothing else changes: Designate says ``ACTIVE`` too early of changes that meet."""
    made = cloud.dns.create_zone(name=f"test-{uuid4().hex[:12]}.test.", email=EMAIL)
    assert made.status == "PENDING"
    yield settled(cloud, made)
    cloud.dns.delete_zone(made, ignore_missing=True)


@pytest.fixture
def record(cloud: Connection, zone: Zone) -> Recordset:
    """Two addresses of one name, which the name server has."""
    made = cloud.dns.create_recordset(
        zone, name=f"web.{zone.name}", type="A", ttl=30, records=["192.0.2.1", "192.0.2.2"]
    )
    assert made.status == "PENDING"
    return settled(cloud, made)


def settled(cloud: Connection, changed: Changed) -> Changed:
    return wait_for_status(cloud.dns, changed, "ACTIVE", failures=["ERROR"], interval=0.2, wait=SECONDS)


def answer(lab: Lab, name: str, kind: str = "A") -> Answer:
    """Ask the name server; return code, TTL and data."""
    host, _, port = lab["SLIPWAY_NAMESERVER"].partition(":")
    answered = dns.query.udp(dns.message.make_query(name, kind), host, port=int(port), timeout=10)
    [found] = answered.answer or [None]
    data = {item.to_text() for item in found or ()}
    return dns.rcode.to_text(answered.rcode()), found and found.ttl, data


@on_lab
def test_the_tenant_has_a_zone(cloud: Connection, lab: Lab) -> None:
    zone = cloud.dns.find_zone(ZONE, ignore_missing=False)
    assert zone.project_id == cloud.current_project_id
    # Other tests change what is in it.
    wait_for_status(cloud.dns, zone, "ACTIVE", failures=["ERROR"], interval=0.2, wait=SECONDS)
    assert answer(lab, ZONE, "NS") == ("NOERROR", zone.ttl, {NAMESERVER})


@on_lab
def test_a_name_is_answered_once_it_is_active(record: Recordset, lab: Lab) -> None:
    assert answer(lab, record.name) == ("NOERROR", 30, {"192.0.2.1", "192.0.2.2"})


@on_lab
def test_a_name_has_other_addresses_once_that_is_active(
    cloud: Connection, record: Recordset, lab: Lab
) -> None:
    changed = cloud.dns.update_recordset(record, records=["192.0.2.3"], ttl=5)
    assert changed.status == "PENDING"
    settled(cloud, changed)
    assert answer(lab, record.name) == ("NOERROR", 5, {"192.0.2.3"})


@on_lab
def test_a_name_that_was_deleted_is_nobodys(
    cloud: Connection, zone: Zone, record: Recordset, lab: Lab
) -> None:
    cloud.dns.delete_recordset(record, zone)
    assert wait_gone(lambda: answer(lab, record.name) == NOBODY, SECONDS)
    assert cloud.dns.find_recordset(zone, record.name) is None


@on_lab
def test_a_zone_that_was_deleted_is_not_served(cloud: Connection, zone: Zone, lab: Lab) -> None:
    assert answer(lab, zone.name, "NS") == ("NOERROR", zone.ttl, {NAMESERVER})
    cloud.dns.delete_zone(zone)
    assert wait_gone(lambda: answer(lab, zone.name, "NS") == ("REFUSED", None, set()), SECONDS)


@on_lab
def test_a_tenant_has_no_say_in_what_is_another_projects(lab: Lab) -> None:
    with connect(Cloud(ground_of(this_checkout())), "bob", "other") as bob:
        assert bob.dns.find_zone(ZONE) is None
        with pytest.raises(exceptions.ForbiddenException):
            bob.dns.create_zone(name=f"below.{ZONE}", email=EMAIL)


@on_lab
def test_the_login_administers_nothing(cloud: Connection) -> None:
    assert cloud.dns.get("/service_statuses").status_code == 403
    assert cloud.dns.get("/pools").status_code == 403


def test_a_name_server_that_is_down_does_not_answer(ground: Ground) -> None:
    server = Nameserver(Cloud(ground))
    assert server.url.startswith(f"dns://{HOST}:")
    assert not server.answers()
    assert server.pids() == ()
