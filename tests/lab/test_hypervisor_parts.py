"""The hypervisor before it runs: what is chosen, what DHCP is told, what is left to be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.ground import Ground
from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor.layout import Layout
from lab.openstack.hypervisor.libvirtd import Libvirtd
from lab.openstack.inside.dhcp import Dhcp
from lab.openstack.services import hypervisors, openstack
from lab.profile import Profile, choose, chosen
from lab.roster import servers

PORT: Mapping[str, object] = {
    "id": "5a1d62b7-5b55-4a2c-93a8-5a3d0f0a2d11",
    "mac_address": "fa:16:3e:00:00:01",
    "fixed_ips": [{"ip_address": "10.40.0.9"}],
}


def test_a_profile_is_kept_until_another_is_chosen(ground: Ground) -> None:
    assert chosen(ground.paths) is None
    assert hypervisors(ground) == []
    choose(ground.paths, Profile.HYPERVISOR)
    choose(ground.paths, None)
    assert chosen(ground.paths) is Profile.HYPERVISOR
    assert [server.name for server in hypervisors(ground)] == ["hypervisor"]


def test_nova_needs_the_hypervisor_only_where_there_is_one(ground: Ground) -> None:
    def settings() -> tuple[tuple[str, ...], Mapping[str, Mapping[str, str]]]:
        [nova] = [service for service in openstack(ground) if service.name == "nova"]
        return nova.needs, nova.kind.settings(nova.cloud)

    needs, plain = settings()
    choose(ground.paths, Profile.HYPERVISOR)
    more, real = settings()
    assert set(more) - set(needs) == {"hypervisor"}
    assert "libvirt" not in plain
    assert real["libvirt"]["connection_uri"] == Layout(Cloud(ground)).uri
    assert real["DEFAULT"]["compute_driver"] == plain["DEFAULT"]["compute_driver"]
    assert {need for server in servers(ground) for need in server.needs} < {s.name for s in servers(ground)}


@pytest.fixture
def dhcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dhcp:
    """DHCP's folder, with a ``dhcp_release`` that writes down its arguments."""
    programs, release = tmp_path / "bin", tmp_path / "bin/dhcp_release"
    for folder in (programs, tmp_path / "ports"):
        folder.mkdir()
    release.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/released\n')
    release.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return Dhcp(tmp_path, "bridge")


@pytest.fixture
def dnsmasq(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that says so when it is told to read again."""
    program = (
        "import signal\n"
        "signal.signal(signal.SIGHUP, lambda *_: print('again', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        (tmp_path / "dnsmasq.pid").write_text(f"{process.pid}\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_bound_port_is_given_its_address_and_loses_it_when_it_goes(
    dhcp: Dhcp, dnsmasq: subprocess.Popen[str], tmp_path: Path
) -> None:
    given = tmp_path / "ports" / str(PORT["id"])
    dhcp.give(PORT)
    assert given.read_text() == "fa:16:3e:00:00:01,10.40.0.9\n"
    dhcp.take(PORT)
    assert list(given.parent.iterdir()) == []
    assert (tmp_path / "released").read_text() == "bridge 10.40.0.9 fa:16:3e:00:00:01\n"
    assert dnsmasq.stdout is not None
    assert dnsmasq.stdout.readline() == "again\n"


def test_a_port_of_another_host_is_none_of_dhcps_business(dhcp: Dhcp, tmp_path: Path) -> None:
    dhcp.take(PORT)
    assert not (tmp_path / "released").exists()


def test_a_port_goes_while_dnsmasq_is_away(dhcp: Dhcp, tmp_path: Path) -> None:
    dhcp.give(PORT)
    dhcp.take(PORT)
    assert list((tmp_path / "ports").iterdir()) == []


def test_only_machines_with_the_labs_disks_are_ended(ground: Ground, tmp_path: Path) -> None:
    layout = Layout(Cloud(ground))
    program = tmp_path / "qemu-system-x86_64"
    program.symlink_to("/bin/sh")
    layout.folder.mkdir(parents=True)
    ours, other = (
        subprocess.Popen([program, "-c", "read _", "sh", disk], stdin=subprocess.PIPE)
        for disk in (f"file={layout.instances}/1/disk", "file=/var/lib/libvirt/images/disk")
    )
    try:
        Libvirtd(layout).stop()
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
