"""Base images made from files: the same bytes again, and a registry that takes them."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.ground import Ground
from lab.images.layer import busybox_archive, compress, read_layer
from lab.images.publish import MANIFEST, Name, is_published, publish
from lab.server import LabError
from lab.servers.registry import Registry

NAME = Name("library/tiny", "1")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF and so on")
    return path


@pytest.fixture
def registry(ground: Ground) -> Iterator[httpx.Client]:
    server = Registry(ground, "scratch", "SCRATCH", "user", 25000)
    server.start()
    with httpx.Client(base_url=server.url, auth=server.login, timeout=10, trust_env=False) as client:
        yield client
    server.stop()


def test_the_same_files_make_the_same_layer(tmp_path: Path, program: Path) -> None:
    digests = set()
    for number, applets in enumerate((["sh", "ls", "busybox"], ["ls", "sh", "sh"])):
        archive, target = tmp_path / f"{number}.tar", tmp_path / f"{number}.tar.gz"
        os.utime(program, (number, number))
        busybox_archive(program, applets, archive)
        compress(archive, target)
        digests.add(read_layer(target).digest)
    assert len(digests) == 1


def test_a_layer_is_measured_by_its_bytes(tmp_path: Path, program: Path) -> None:
    archive, target = tmp_path / "x.tar", tmp_path / "x.tar.gz"
    busybox_archive(program, ["sh"], archive)
    compress(archive, target)
    layer = read_layer(target)
    assert layer.diff_id == "sha256:" + hashlib.sha256(archive.read_bytes()).hexdigest()
    assert layer.digest == "sha256:" + hashlib.sha256(target.read_bytes()).hexdigest()
    assert layer.size == target.stat().st_size
    assert gzip.decompress(target.read_bytes()) == archive.read_bytes()


def test_the_root_file_system_is_usable(tmp_path: Path, program: Path) -> None:
    busybox_archive(program, ["sh", "httpd"], tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as archive:
        entries = {entry.name: entry for entry in archive.getmembers()}
        passwd = archive.extractfile("etc/passwd")
        assert passwd is not None
        assert passwd.read().startswith(b"root:x:0:0:")
    assert entries["bin/httpd"].linkname == "bin/busybox"
    assert entries["bin/busybox"].mode == 0o755
    assert entries["tmp"].mode == 0o1777


@pytest.mark.lab
def test_a_registry_takes_it_by_digest(registry: httpx.Client, tmp_path: Path, program: Path) -> None:
    busybox_archive(program, ["sh"], tmp_path / "x.tar")
    compress(tmp_path / "x.tar", tmp_path / "x.tar.gz")
    layer = read_layer(tmp_path / "x.tar.gz")
    assert not is_published(registry, NAME)
    publish(registry, NAME, layer, ("sh",))
    assert is_published(registry, NAME)
    manifest = registry.get("/v2/library/tiny/manifests/1", headers={"Accept": MANIFEST})
    config = registry.get(f"/v2/library/tiny/blobs/{manifest.json()['config']['digest']}").json()
    assert config["config"]["Cmd"] == ["sh"]
    assert config["rootfs"]["diff_ids"] == [layer.diff_id]
    digest = manifest.headers["Docker-Content-Digest"]
    publish(registry, NAME, layer, ("sh",))
    again = registry.head("/v2/library/tiny/manifests/1", headers={"Accept": MANIFEST})
    assert again.headers["Docker-Content-Digest"] == digest


@pytest.mark.lab
def test_a_refusal_is_told(registry: httpx.Client, tmp_path: Path, program: Path) -> None:
    busybox_archive(program, ["sh"], tmp_path / "x.tar")
    compress(tmp_path / "x.tar", tmp_path / "x.tar.gz")
    layer = read_layer(tmp_path / "x.tar.gz")
    registry.auth = httpx.BasicAuth("user", "wrong")
    with pytest.raises(LabError, match="refused an upload to library/tiny: 401"):
        publish(registry, NAME, layer, ("sh",))
