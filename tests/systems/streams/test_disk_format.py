"""Images that lead their reader elsewhere, or are not what they are said to be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from slipway.streams.disk_format import DiskFormatError, check_file, check_head, checking, detect
from slipway.streams.tee import Source, tee
from tests.systems.streams.disk_images import INCOMPATIBLE_DATA_FILE, boot_sector, qcow2

RAW = random.Random(1).randbytes(70_000)


@pytest.mark.parametrize(
    ("content", "disk_format"),
    [
        (qcow2(), "qcow2"),
        (qcow2(version=2), "qcow2"),
        (RAW, "raw"),
        (b"x", "raw"),
        (boot_sector(), "raw"),
        (RAW, "aki"),
        (boot_sector(0), "aki"),
        (RAW, "ari"),
    ],
)
def test_what_is_taken(tmp_path: Path, content: bytes, disk_format: str) -> None:
    (tmp_path / "a.img").write_bytes(content)
    check_file(tmp_path / "a.img", disk_format)


@pytest.mark.parametrize(
    ("content", "disk_format", "why"),
    [
        (qcow2(backing=b"/etc/passwd"), "qcow2", "opening it may be unsafe: it names a backing file"),
        (qcow2(features=INCOMPATIBLE_DATA_FILE), "qcow2", "unsafe: .* external data file"),
        (qcow2(features=1 << 40), "qcow2", "unsafe: .* unknown features"),
        (qcow2(backing=b"/etc/passwd"), "raw", "declared as raw, but is qcow2"),
        (qcow2(), "raw", "declared as raw, but is qcow2"),
        (qcow2(), "aki", "declared as aki, but is qcow2"),
        (RAW, "qcow2", "declared as qcow2, but is raw"),
        (b"QFI\xfb", "qcow2", "declared as qcow2, but is raw"),
        (b"KDMV" + RAW, "raw", "declared as raw, but is vmdk"),
        (RAW, "ploop", "declared as ploop, which Slipway cannot check"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes, disk_format: str, why: str) -> None:
    (tmp_path / "a.img").write_bytes(content)
    with pytest.raises(DiskFormatError, match=f"^a.img .*{why}"):
        check_file(tmp_path / "a.img", disk_format)


def test_it_is_found_out_by_the_bytes_alone() -> None:
    assert detect(qcow2(), "a.img") == "qcow2"
    assert detect(RAW, "a.qcow2") == "raw"
    with pytest.raises(DiskFormatError, match="backing file"):
        detect(qcow2(backing=b"json:{}"), "a.img")


def test_a_stream_stops_before_anybody_has_it_all() -> None:
    whole = qcow2(backing=b"/etc/passwd")
    got: list[bytes] = []
    chunks = (whole[start : start + 1000] for start in range(0, len(whole), 1000))
    with pytest.raises(DiskFormatError, match="backing file"):
        tee(Source("a.img", chunks, len(whole)), got.extend, guards=[checking("qcow2", "a.img")])
    assert len(b"".join(got)) < len(whole)
    tee(Source("b.img", (one for one in [RAW])), guards=[checking("raw", "b.img")])


def test_a_head_without_bytes() -> None:
    with pytest.raises(DiskFormatError):
        check_head(b"", "qcow2", "a.img")
