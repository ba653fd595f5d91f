"""Files of the worker, as streams."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slipway.flow.record import SlipwayError
from slipway.streams.body import Body, body
from slipway.streams.files import file_sink, file_source
from slipway.streams.tee import CHUNK, StreamError, tee


def test_a_file_becomes_the_same_file(tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK + 5)
    (tmp_path / "a").write_bytes(content)
    hashes = tee(file_source(tmp_path / "a"), file_sink(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == content
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert hashes.size == len(content)


def test_an_empty_file_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(StreamError, match="0 bytes"):
        tee(file_source(tmp_path / "a"))


def test_a_file_that_grows_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    source = file_source(tmp_path / "a")
    with (tmp_path / "a").open("ab") as file:
        file.write(b"y")
    with pytest.raises(StreamError, match="11 bytes came, but 10 were announced"):
        tee(source)


def test_what_a_build_may_leave_in_place_of_its_image(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "missing"):
        with pytest.raises(SlipwayError, match=f"{name} (cannot be read|is not a regular file)"):
            file_source(tmp_path / name)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        tee(file_source(tmp_path / "a"), file_sink(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"old"


def test_a_body_is_sent_once_under_its_length() -> None:
    sent = Body([b"ab", b"c"], 3)
    assert len(sent) == 3
    assert list(sent) == [b"ab", b"c"]
    with pytest.raises(RuntimeError, match="second time"):
        iter(sent)
    assert list(body([b"ab"], None)) == [b"ab"]
    assert not hasattr(body([b"ab"], None), "__len__")
