"""Bases of virtual machines, from Artifactory and from Glance."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from slipway.flow.packer import PackerBase
from slipway.flow.record import SlipwayError, TransientError
from slipway.pipelines.images import base_images
from slipway.pipelines.images.base_images import fetch_base, find_base
from slipway.pipelines.images.copying import KeptCopy, keep_file
from slipway.pipelines.images.stores import Stores
from tests.pipelines.places import Counted, Place

pytestmark = pytest.mark.lab

MIB = 1024**2
TALK = 200_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "base.raw").write_bytes(os.urandom(2 * MIB + 7))
    return tmp_path / "base.raw"


@pytest.fixture
def kept(both: Stores, place: Place, file: Path) -> KeptCopy:
    return keep_file(both, file, place.path(), place.new())


def named(kept: KeptCopy, served_by: str, digest: str | None = None) -> PackerBase:
    if served_by == "glance":
        return PackerBase(glance=kept.glance, digest=digest)
    return PackerBase(artifactory=kept.reference, digest=digest)


@pytest.mark.parametrize("served_by", ["glance", "artifactory"])
def test_a_base_is_fetched_once(
    counted: Counted, file: Path, kept: KeptCopy, tmp_path: Path, served_by: str
) -> None:
    found = find_base(counted.both, named(kept, served_by, kept.digest))
    assert found.served_by == served_by
    assert found.digest.partition(":")[0] == ("sha512" if served_by == "glance" else "sha256")
    first = fetch_base(counted.both, found, tmp_path / "bases", kept.digest)
    assert first.path.read_bytes() == file.read_bytes()
    assert (first.disk_format, first.image, first.hashes.digest) == ("raw", found, kept.digest)
    assert first.path.stat().st_mode & 0o222 == 0

    counted.glance.forget()
    counted.artifactory.forget()
    again = fetch_base(counted.both, found, tmp_path / "bases", kept.digest)
    assert again == first
    assert counted.glance.to_client + counted.artifactory.to_client < TALK
    assert [path.name for path in (tmp_path / "bases").iterdir()] == [first.path.name]


def test_what_became_other_bytes_on_the_worker_is_fetched_again(
    both: Stores, file: Path, kept: KeptCopy, tmp_path: Path
) -> None:
    found = find_base(both, named(kept, "artifactory"))
    path = fetch_base(both, found, tmp_path / "bases").path
    path.chmod(0o600)
    path.write_bytes(b"another")
    assert fetch_base(both, found, tmp_path / "bases").path.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("served_by", ["glance", "artifactory"])
def test_a_base_that_is_not_what_is_required(
    both: Stores, kept: KeptCopy, tmp_path: Path, served_by: str
) -> None:
    required = f"sha256:{'0' * 64}"
    with pytest.raises(SlipwayError, match=f"is {kept.digest}, and not {required}.*correct `digest`"):
        fetch_base(both, find_base(both, named(kept, served_by, required)), tmp_path / "bases", required)


def test_a_base_that_changed_since_it_was_found(
    both: Stores, place: Place, file: Path, kept: KeptCopy, tmp_path: Path
) -> None:
    found = find_base(both, named(kept, "artifactory"))
    file.write_bytes(os.urandom(MIB))
    keep_file(both, file, place.path(), None)
    with pytest.raises(SlipwayError, match=r"no longer sha256:.*\. Start the run again"):
        fetch_base(both, found, tmp_path / "bases")
    assert list((tmp_path / "bases").iterdir()) == []


def test_a_base_that_leads_elsewhere_is_refused(both: Stores, place: Place, tmp_path: Path) -> None:
    image = tmp_path / "base.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", str(image), "1M"],
        check=True,
    )
    answer = both.files.request("PUT", place.path("base.qcow2"), data=image.read_bytes())
    answer.raise_for_status()
    found = find_base(both, PackerBase(artifactory=place.path("base.qcow2")))
    with pytest.raises(SlipwayError, match="opening it may be unsafe: it names a backing file"):
        fetch_base(both, found, tmp_path / "bases")
    assert list((tmp_path / "bases").iterdir()) == []


def test_bases_that_are_not_there(both: Stores, place: Place) -> None:
    with pytest.raises(SlipwayError, match="Artifactory has no generic-local/tests/never"):
        find_base(both, PackerBase(artifactory="generic-local/tests/never"))
    with pytest.raises(SlipwayError, match=r"Glance has no image 00000000.*share the image"):
        find_base(both, PackerBase(glance="00000000-0000-4000-8000-000000000000"))
    queued = both.glance.ensure_image(place.path(), place.new())
    with pytest.raises(SlipwayError, match=f"base image {queued.id} is queued"):
        find_base(both, PackerBase(glance=queued.id))


def test_a_download_that_breaks_leaves_nothing(
    both: Stores, counted: Counted, kept: KeptCopy, tmp_path: Path
) -> None:
    found = find_base(both, named(kept, "artifactory"))
    counted.artifactory.cut_down_after = MIB
    with pytest.raises(TransientError):
        fetch_base(counted.both, found, tmp_path / "bases")
    assert list((tmp_path / "bases").iterdir()) == []
    counted.artifactory.cut_down_after = None
    assert fetch_base(counted.both, found, tmp_path / "bases").hashes.digest == kept.digest


def test_what_nobody_used_for_long_goes(both: Stores, kept: KeptCopy, tmp_path: Path) -> None:
    folder = tmp_path / "bases"
    folder.mkdir()
    for name, age in (
        ("sha256-old", base_images.UNUSED_SECONDS + 60),
        ("sha256-new", base_images.BROKEN_SECONDS + 60),
        ("sha256-a.1.part", base_images.BROKEN_SECONDS + 60),
        ("sha256-b.2.part", 60),
    ):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    base = fetch_base(both, find_base(both, named(kept, "artifactory")), folder)
    assert {path.name for path in folder.iterdir()} == {"sha256-new", "sha256-b.2.part", base.path.name}
