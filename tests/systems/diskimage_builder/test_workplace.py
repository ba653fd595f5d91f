"""A build's folder: cleared before and after, and what an application's builds share."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from slipway.diskimage_builder.loops import attached, detach
from slipway.diskimage_builder.workplace import UNUSED_SECONDS, DiskimageWorkplace


def test_folder_is_empty_at_first_and_gone_afterwards(tmp_path: Path) -> None:
    place = DiskimageWorkplace(tmp_path, "build", "demo/web")
    place.work.mkdir(parents=True)
    (place.work / "half-made").write_text("x")
    with place.occupied():
        assert list(place.work.iterdir()) == [place.output]
        (place.output / "web.qcow2").write_text("an image")
    assert not place.folder.exists()


def test_cache_is_the_application_s_and_forgets_what_nobody_reads(tmp_path: Path) -> None:
    place, other = (
        DiskimageWorkplace(tmp_path, "a", "demo/web"),
        DiskimageWorkplace(tmp_path, "b", "demo/shop"),
    )
    assert place.cache != other.cache
    place.cache.mkdir(parents=True)
    old, new = place.cache / "old.deb", place.cache / "new.deb"
    for path, age in ((old, UNUSED_SECONDS + 60), (new, 60)):
        path.write_text("x")
        os.utime(path, (time.time() - age,) * 2)
    with place.occupied():
        pass
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.usefixtures("root")
def test_loop_device_is_found_by_the_file_behind_it(tmp_path: Path) -> None:
    disk, other = tmp_path / "build" / "disk", tmp_path / "other" / "disk"
    devices = []
    for path in (disk, other):
        path.parent.mkdir()
        path.write_bytes(bytes(1024**2))
        shown = subprocess.run(
            ["losetup", "--show", "--find", path], check=True, capture_output=True, text=True, timeout=500
        )
        devices.append(shown.stdout.strip())
    try:
        renamed = disk.with_name("renamed")
        disk.rename(renamed)
        assert list(attached(tmp_path / "build")) == devices[:1]
        assert detach(tmp_path / "build") == devices[:1]
        assert list(attached(tmp_path / "build")) == []
        assert list(attached(tmp_path / "other")) == devices[1:]
    finally:
        detach(tmp_path)
