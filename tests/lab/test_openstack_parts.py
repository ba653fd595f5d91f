"""The lab's OpenStack before it runs: its settings, its pins, its installation."""

from __future__ import annotations

import configparser
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.ground import Ground
from lab.openstack import settings
from lab.openstack.cloud import CATALOGUE, PORTS, Cloud
from lab.openstack.distribution import PINS, Distribution
from lab.openstack.identity import exports
from lab.openstack.service import EXTENSION
from lab.openstack.services import openstack
from lab.paths import Paths
from lab.roster import servers
from lab.server import LabError


@pytest.fixture
def cloud(ground: Ground) -> Cloud:
    return Cloud(ground)


def test_every_service_says_where_it_answers(ground: Ground) -> None:
    services = openstack(ground)
    assert [service.name for service in services] == list(PORTS)
    assert len({service.url for service in services}) == len(services)
    needed = {need for service in services for need in service.needs}
    assert needed < {server.name for server in servers(ground)}


def test_settings_are_read_as_they_were_written(cloud: Cloud) -> None:
    for service in openstack(cloud.ground):
        wanted = service.kind.settings(cloud)
        read = configparser.RawConfigParser(default_section="")
        read.read_string(settings.render(wanted))
        assert {name: dict(read[name]) for name in read.sections()} == {
            name: dict(options) for name, options in wanted.items()
        }


def test_settings_are_their_owners(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    settings.write(path, {"nova": settings.login(cloud, "nova")})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cloud.password("nova") in path.read_text()


def test_every_service_has_a_password_of_its_own(cloud: Cloud) -> None:
    users = ["admin", "slipway", *CATALOGUE]
    assert len({cloud.password(user) for user in users}) == len(users)


def test_keystone_exports_nothing_before_there_is_a_login(cloud: Cloud) -> None:
    assert exports(cloud) == {}


def test_nothing_of_a_persons_own_cloud_reaches_a_service(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLOUD", "production")
    monkeypatch.setenv("OS_DEFAULT__TRANSPORT_URL", "rabbit://elsewhere")
    for service in openstack(ground):
        assert not {"OS_CLOUD", "OS_DEFAULT__TRANSPORT_URL"} & set(service._environment)


def test_the_environment_follows_its_pins(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Distribution(ground.paths).folder
    changed = ground.paths.state / "requirements.txt"
    changed.write_bytes(PINS.read_bytes() + b"# another\n")
    monkeypatch.setattr("lab.openstack.distribution.PINS", changed)
    assert Distribution(ground.paths).folder != before
    assert before.parent == ground.paths.cache


def test_without_uv_the_cure_is_said(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(LabError, match="run: make venv"):
        Distribution(ground.paths).make()


def test_an_installation_that_broke_is_made_anew(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Distribution(ground.paths)
    broken.folder.mkdir(parents=True)
    (broken.folder / "half").touch()
    programs = ground.paths.cache / "uv-1" / "bin"
    programs.mkdir(parents=True)
    uv = programs / "uv"
    uv.write_text('#!/bin/sh\ncase $1 in venv) mkdir -p "$4";; esac\n')
    uv.chmod(0o755)
    broken.make()
    assert [path.name for path in broken.folder.iterdir()] == ["complete"]


def test_the_labs_parts_are_announced_where_the_services_look() -> None:
    from importlib.metadata import Distribution as Installed

    [found] = Installed.discover(path=[str(EXTENSION)])
    assert {(point.group, point.name) for point in found.entry_points} == {
        ("neutron.ml2.mechanism_drivers", "lab"),
        ("ironic.hardware.interfaces.deploy", "lab"),
        ("ironic.hardware.interfaces.power", "lab"),
        ("octavia.api.drivers", "lab"),
    }


def test_servers_that_ask_at_once_install_the_services_once(tmp_path: Path) -> None:
    """With a program in the place of uv that takes its time and writes down that it was called."""
    paths = Paths(checkout=tmp_path / "checkout", cache=tmp_path / "cache")
    paths.make()
    uv = paths.cache / "uv-0" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(
        '#!/bin/sh\nsleep 0.2\nfor last; do :; done\n[ "$1" = venv ] && mkdir -p "$last"\necho "$1"\n'
    )
    uv.chmod(0o755)
    distribution = Distribution(paths)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: distribution.make(), range(4)))
    assert (paths.logs / "openstack-install.log").read_text().split() == ["venv", "pip"]
