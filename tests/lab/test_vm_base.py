"""The base image of virtual machines: its parts, its disk, and where applications find it."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
from pathlib import Path

import httpx
import openstack
import pytest
from openstack.connection import Connection

from lab.access import Lab
from lab.images.vm import vm_base
from lab.images.vm_disk import BOOT_AT, ROOT_AT, ROOT_SIZE, SECTOR
from lab.images.vm_kernel import fetch_kernel
from lab.images.vm_publish import NAME, PATH
from lab.images.vm_root import GUEST
from lab.paths import this_checkout
from lab.server import LabError

pytestmark = pytest.mark.slow

CACHE = this_checkout().cache


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vm_base(CACHE, tmp_path_factory.mktemp("log") / "vm.log")


def test_modules_come_after_those_they_need(tmp_path: Path) -> None:
    kernel = fetch_kernel(CACHE, tmp_path / "log")
    names = [path.stem for path in kernel.modules(["virtio_net", "virtio_blk"])]
    assert names.index("virtio_ring") < names.index("virtio_blk")
    assert names.index("net_failover") < names.index("virtio_net")
    assert len(names) == len(set(names))
    with pytest.raises(LabError, match="the lab's kernel has no module nonsense"):
        kernel.modules(["nonsense"])


def test_disk_boots_from_its_first_partition_and_is_small(base: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(base), str(raw)], check=True, timeout=500)
    head = raw.read_bytes()[:SECTOR]
    assert head[510:] == b"\x55\xaa"
    boot, root = (struct.unpack_from("<B3xB3xII", head, 446 + 16 * number) for number in (0, 1))
    assert boot[:3] == (0x80, 0x0E, BOOT_AT // SECTOR)
    assert root == (0, 0x83, ROOT_AT // SECTOR, ROOT_SIZE // SECTOR)
    assert base.stat().st_size < 40 * 1024**2


def test_image_names_no_other_file(base: Path) -> None:
    shown = subprocess.run(
        ["qemu-img", "info", "--output=json", str(base)], capture_output=True, check=True, timeout=500
    )
    about = json.loads(shown.stdout)
    assert about["format"] == "qcow2"
    assert "backing-filename" not in about


def test_scripts_of_the_guest_are_shell_without_a_mistake() -> None:
    for script in ("init", "start", "dhcp", "power-button"):
        subprocess.run(["/bin/busybox", "sh", "-n", str(GUEST / script)], check=True, timeout=500)


@pytest.mark.lab
def test_artifactory_and_glance_have_it_for_everyone(lab: Lab, base: Path) -> None:
    digest = hashlib.sha256(base.read_bytes()).hexdigest()
    login = lab.artifactory_reader
    with httpx.Client(base_url=login.url, auth=login.auth, timeout=500, trust_env=False) as client:
        known = client.get(f"/api/storage/{PATH}").raise_for_status().json()
    assert known["checksums"]["sha256"] == digest
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one(lab["OS_CLOUD"], api_timeout=500)) as cloud:
        image = cloud.image.get_image(lab["SLIPWAY_VM_BASE"])
        assert (image.name, image.status, image.visibility) == (NAME, "active", "public")
        assert hashlib.sha256(cloud.image.download_image(image).content).hexdigest() == digest
