"""Releases of servers on real Nova and Neutron: replaced, switched, gone back from, refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from lab.access import Lab
from lab.airflow.connections import connections
from lab.process import wait_gone
from slipway.flow.nova.rollout import roll_out
from slipway.flow.nova.steps import Done, Fail, Wait
from slipway.flow.record import TransientError
from slipway.flow.release import SupersededError
from slipway.openstack.errors import OpenstackError
from slipway.openstack.nova.in_use import running
from slipway.openstack.nova.servers import Servers
from tests.systems.openstack.nova import SICK, Application, raises

pytestmark = pytest.mark.lab

VARIABLE = "AIRFLOW_CONN_SLIPWAY_OPENSTACK"
SECONDS = 60


@pytest.fixture
def addresses(cloud: Connection) -> Iterator[list[str]]:
    """Two floating IPs of the project."""
    network: Any = cloud.network.find_network("public", ignore_missing=False)
    made = [cloud.network.create_ip(floating_network_id=network.id) for _ in range(2)]
    yield [str(one.floating_ip_address) for one in made]
    for one in made:
        cloud.network.delete_ip(one.id)


def test_first_release_runs_and_is_told(app: Application, port: int) -> None:
    plan = app.plan(1, count=2, health={"port": port, "path": "/"}, metadata={"role": "web"})
    kept = app.release(plan, "run-1")
    assert app.states() == [("1", 0, "ACTIVE"), ("1", 1, "ACTIVE")]
    first = app.servers()[0]
    assert kept.where == f"servers {app.name}-staging-111111111111-0, {app.name}-staging-111111111111-1"
    assert kept.url == f"http://{first.address}:{port}/"
    shown: Any = app.cloud.compute.get_server(first.id)
    assert str(shown.image.id) == app.image
    assert shown.metadata["role"] == "web"
    assert {
        key: shown.metadata[f"slipway_{key}"] for key in ("application", "environment", "run", "commit")
    } == {
        "application": app.name,
        "environment": "staging",
        "run": "run-1",
        "commit": "1" * 40,
    }
    assert set(shown.tags) == {"slipway", plan.tag}


@pytest.mark.parametrize("strategy", ["rolling", "blue_green"])
def test_next_release_takes_the_addresses_over_and_the_old_servers_stay_until_it_is_kept(
    app: Application, port: int, addresses: list[str], strategy: str
) -> None:
    spec = {"count": 2, "strategy": strategy, "floating_ips": addresses, "health": {"port": port}}
    app.release(app.plan(1, **spec), "run-1")
    assert app.floating(addresses[1]) == f"{app.name}-staging-111111111111-1"
    second = app.plan(2, **spec)
    assert app.roll_out(second, "run-2") == Done()
    old = [state for commit, _, state in app.states() if commit == "1"]
    assert old == (["SHUTOFF"] * 2 if strategy == "rolling" else ["ACTIVE"] * 2)
    assert [app.floating(one)[-14:-2] for one in addresses] == ["2" * 12] * 2
    kept = app.keep(second, "run-2")
    assert kept.replaced == app.plan(1).image.digest
    assert app.states() == [("2", 0, "ACTIVE"), ("2", 1, "ACTIVE")]


@pytest.mark.parametrize("strategy", ["rolling", "blue_green"])
def test_server_that_ends_in_error_is_gone_back_from_and_nothing_of_it_is_left(
    app: Application, port: int, addresses: list[str], strategy: str
) -> None:
    spec = {"count": 2, "strategy": strategy, "floating_ips": addresses, "health": {"port": port}}
    app.release(app.plan(1, **spec), "run-1")
    ids = [one.id for one in app.servers()]
    broken = app.plan(2, **spec, metadata={"lab_spawn_fail": "no more electricity"})
    end = app.roll_out(broken, "run-2")
    assert isinstance(end, Fail)
    assert "no more electricity" in end.reason
    assert app.go_back(broken, "run-2") == Done()
    assert [one.id for one in app.servers()] == ids
    assert app.states() == [("1", 0, "ACTIVE"), ("1", 1, "ACTIVE")]
    assert [app.floating(one)[-14:-2] for one in addresses] == ["1" * 12] * 2
    assert app.side(broken).before("run-2").startswith("111111111111 ")


@pytest.mark.parametrize("health", [{"path": SICK}, {"port": 1}], ids=["wrong status", "closed port"])
def test_unhealthy_server_says_what_it_answered_and_old_ones_come_back(
    app: Application, port: int, health: dict[str, Any]
) -> None:
    app.release(app.plan(1, count=2, batch=1, health={"port": port}), "run-1")
    sick = app.plan(2, count=2, health={"port": port, "within_seconds": 1, **health})
    end = app.roll_out(sick, "run-2")
    assert isinstance(end, Fail)
    assert "did not answer as expected within 1 s" in end.reason
    assert ("answers 500, not 200" in end.reason) or ("port 1 of 10.20." in end.reason)
    assert app.go_back(sick, "run-2") == Done()
    assert app.states() == [("1", 0, "ACTIVE"), ("1", 1, "ACTIVE")]


def test_rolling_release_that_fails_in_its_second_batch_starts_the_old_servers_again(
    app: Application, port: int, addresses: list[str]
) -> None:
    spec = {"count": 2, "floating_ips": addresses, "health": {"port": port}}
    app.release(app.plan(1, **spec), "run-1")
    second = app.plan(2, **spec)
    while ("1", 0, "SHUTOFF") not in app.states():
        one_step(app, second, "run-2")
    assert ("1", 1, "ACTIVE") in app.states()
    assert app.go_back(second, "run-2") == Done()
    assert app.states() == [("1", 0, "ACTIVE"), ("1", 1, "ACTIVE")]
    assert [app.floating(one)[-14:-2] for one in addresses] == ["1" * 12] * 2


def one_step(app: Application, plan: Any, run: str) -> None:
    """Give the orders of one decision, as a worker that dies after them."""
    servers = Servers(app.cloud, plan, run)
    seen = app.all_healthy()
    step = roll_out(plan, run, servers.view(seen), app.now())
    for order in getattr(step, "orders", ()):
        servers.obey(order)


def test_first_release_that_fails_leaves_nothing(app: Application) -> None:
    broken = app.plan(1, count=2, anti_affinity=True, metadata={"lab_spawn_fail": "burnt"})
    assert isinstance(app.roll_out(broken, "run-1"), Fail)
    assert app.go_back(broken, "run-1") == Done()
    app.side(broken).servers("run-1").tidy()
    assert app.states() == []
    assert [one.name for one in app.cloud.compute.server_groups() if broken.tag in one.name] == []


def test_worker_that_died_is_gone_on_from_and_doubles_are_removed(app: Application) -> None:
    plan = app.plan(1, count=3, strategy="blue_green")
    servers = Servers(app.cloud, plan, "run-1")
    step: Any = roll_out(plan, "run-1", servers.view(), app.now())
    for order in (*step.orders[:2], step.orders[0]):
        servers.obey(order)
    app.release(plan, "run-1")
    assert app.states() == [("1", 0, "ACTIVE"), ("1", 1, "ACTIVE"), ("1", 2, "ACTIVE")]


def test_newer_push_wins_and_the_older_one_removes_its_own(app: Application) -> None:
    older, newer = app.plan(1), app.plan(2)
    slow = app.plan(1, metadata={"lab_spawn_delay": "2"})
    assert isinstance(Servers(app.cloud, slow, "run-1").drive(roll_out, app.all_healthy()), Wait)
    app.roll_out(newer, "run-2")
    for work in (app.roll_out, app.go_back):
        with pytest.raises(SupersededError, match="222222222222, pushed at"):
            work(slow, "run-1")
    app.keep(newer, "run-2")
    assert wait_gone(lambda: app.states() == [("2", 0, "ACTIVE")], SECONDS)
    with pytest.raises(SupersededError, match="222222222222, pushed at"):
        app.roll_out(older, "run-3")


def test_release_of_the_same_image_changes_no_server(app: Application) -> None:
    app.release(app.plan(1, count=2), "run-1")
    ids = [one.id for one in app.servers()]
    second = app.plan(2, count=2)
    second = second.model_copy(update={"image": app.plan(1).image})
    kept = app.release(second, "run-2")
    assert [one.id for one in app.servers()] == ids
    assert kept.push.commit == "2" * 40
    assert {one.mark.claim.run for one in app.servers()} == {"run-2"}


@pytest.mark.parametrize(
    ("flavor", "said"),
    [("excess", "quota is used up: delete unneeded servers"), ("giant", "No valid host was found")],
    ids=["quota", "no valid host"],
)
def test_cloud_without_room_says_so(app: Application, flavor: str, said: str) -> None:
    plan = app.plan(1, flavor=flavor)
    try:
        end = app.roll_out(plan, "run-1")
        text = end.reason if isinstance(end, Fail) else ""
    except OpenstackError as error:
        text = str(error)
    assert said in text
    assert app.go_back(plan, "run-1") == Done()
    assert app.states() == []


def test_servers_have_volumes_of_their_own_which_go_with_them(app: Application) -> None:
    asked = [{"size_gib": 2, "type": "__DEFAULT__"}, {"size_gib": 1}]
    app.release(app.plan(1, count=2, volumes=asked), "run-1")
    first = [volumes(app, one.id) for one in app.servers()]
    assert [[volume.size for volume in each] for each in first] == [[2, 1], [2, 1]]
    app.release(app.plan(2, count=2, volumes=[{"size_gib": 3}]), "run-2")
    second = [volumes(app, one.id) for one in app.servers()]
    assert [[volume.size for volume in each] for each in second] == [[3], [3]]
    old = {volume.id for each in first for volume in each}
    assert wait_gone(lambda: not old & {one.id for one in app.cloud.block_storage.volumes()}, SECONDS)


def test_servers_boot_from_volumes_made_of_the_image(app: Application) -> None:
    spec = {"root_volume": {"size_gib": 1, "type": "__DEFAULT__"}, "volumes": [{"size_gib": 2}]}
    app.release(app.plan(1, count=2, **spec), "run-1")
    [first, second] = app.servers()
    root, further = volumes(app, first.id)
    assert (root.volume_image_metadata["image_id"], root.size, further.size) == (app.image, 1, 2)
    assert not app.cloud.compute.get_server(second.id).image
    # What such a server runs is known all the same: retention keeps the image, the status shows it.
    assert app.image in running(app.cloud)
    assert app.servers()[0].mark.digest in running(app.cloud)
    app.release(app.plan(2, count=2), "run-2")
    assert wait_gone(lambda: root.id not in {one.id for one in app.cloud.block_storage.volumes()}, SECONDS)


@pytest.fixture
def large(app: Application) -> Iterator[None]:
    """The image asks for 3 GiB."""
    app.cloud.image.update_image(app.image, min_disk=3)
    yield
    app.cloud.image.update_image(app.image, min_disk=0)


@pytest.mark.usefixtures("large")
def test_disk_that_the_image_does_not_fit_into_says_which_does(app: Application) -> None:
    said = raises(lambda: app.plan(1, root_volume={"size_gib": 2}))
    assert "vm.nova.root_volume: 2 GiB are too small for the image" in said
    assert "at least 3" in said
    said = raises(lambda: app.plan(1))
    assert "vm.nova.flavor: small has a disk of 1 GiB, but the image needs 3 GiB." in said
    for enough in ({"flavor": "medium"}, {"root_volume": {"size_gib": 3}}):
        app.plan(1, **enough)


def volumes(app: Application, server: str) -> list[Any]:
    """A server's volumes, in the order of its disks."""
    attached: Any = list(app.cloud.compute.volume_attachments(server))
    in_order = sorted(attached, key=lambda one: str(one.device))
    return [app.cloud.block_storage.get_volume(one.volume_id) for one in in_order]


@pytest.mark.parametrize(
    ("nova", "said"),
    [
        ({"flavor": "huge"}, "vm.nova.flavor: the cloud has no 'huge'. It has: excess, giant, large, medium"),
        ({"networks": ["nowhere"]}, "vm.nova.networks: the cloud has no 'nowhere'. It has: demo"),
        (
            {"security_groups": ["none"]},
            "vm.nova.security_groups: the cloud has no 'none'. It has: default, web",
        ),
        ({"key_pair": "lost"}, "vm.nova.key_pair: the cloud has no 'lost'."),
        (
            {"volumes": [{"size_gib": 1, "type": "golden"}]},
            "vm.nova.volumes.type: the cloud has no 'golden'. It has: __DEFAULT__",
        ),
        (
            {"root_volume": {"size_gib": 1, "type": "golden"}},
            "vm.nova.root_volume.type: the cloud has no 'golden'. It has: __DEFAULT__",
        ),
        (
            {"floating_ips": ["192.0.2.1"]},
            "vm.nova.floating_ips: 192.0.2.1 is not an address of the project.",
        ),
    ],
)
def test_name_that_the_cloud_does_not_have_names_those_it_has(
    app: Application, nova: dict[str, Any], said: str
) -> None:
    assert said in raises(lambda: app.plan(1, **nova))


def test_image_that_is_gone_names_the_cure(cloud: Connection) -> None:
    app = Application(cloud, "gone", "00000000-0000-0000-0000-000000000000")
    assert "Start `vm_image` for this commit" in raises(lambda: app.plan(1))


def test_expired_login_names_the_connection(
    app: Application, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = app.plan(1)
    monkeypatch.setenv(
        VARIABLE, connections(lab.variables)[VARIABLE].replace('"password": "', '"password": "no')
    )

    def look() -> object:
        return app.side(plan).servers("run-1").view()

    said = raises(look)
    assert "401" in said
    assert "application credential of connection slipway_openstack" in said


def test_keystone_that_is_away_is_worth_another_try(
    app: Application, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = app.plan(1)
    monkeypatch.setenv(VARIABLE, connections(lab.variables)[VARIABLE].replace(":5000", ":9"))
    with pytest.raises(TransientError):
        app.side(plan).servers("run-1").view()
