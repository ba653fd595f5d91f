"""Packages of a named release: by their pin, whole or not at all, and what is wrong in one line."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lab.archive.fetch import fetch_pin
from lab.archive.pins import DOCKER, PACKER, PINS, WANTED, Pin, read_pins, write_pins
from lab.server import LabError

PATH = "pool/main/t/tool/tool_1.0+x_amd64.deb"


@dataclass(frozen=True)
class Archive:
    """An archive with one package, served on loopback, and a machine that installs from it."""

    files: Path
    apt: Path
    cache: Path
    log: Path
    pin: Pin
    asked: list[str] = field(default_factory=list)

    def fetch(self, pin: Pin | None = None) -> Path:
        return fetch_pin(pin or self.pin, self.cache, self.log, self.apt)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, asked: list[str], *arguments: object, **options: object) -> None:
        self.asked = asked
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self.asked.append(f"{self.path} {code}")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    content = tmp_path / "content"
    (content / "DEBIAN").mkdir(parents=True)
    (content / "DEBIAN" / "control").write_text(
        "Package: tool\nVersion: 1.0+x\nArchitecture: amd64\nMaintainer: x <x@x.invalid>\nDescription: x\n"
    )
    (content / "usr/bin").mkdir(parents=True)
    (content / "usr/bin/tool").write_text("#!/bin/sh\necho here\n")
    (content / "usr/bin/tool").chmod(0o755)
    package = tmp_path / "files" / "debian" / PATH
    package.parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", content, package], check=True, timeout=60)
    pin = Pin("tool", "trixie", "1.0+x", PATH, hashlib.sha256(package.read_bytes()).hexdigest())
    apt = tmp_path / "apt"
    apt.mkdir()
    found = Archive(package, apt, tmp_path / "cache", tmp_path / "log", pin)
    handler = functools.partial(_Handler, found.asked, directory=str(tmp_path / "files"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/debian"
        (apt / "sources.list").write_text(f"deb {address} bookworm main\n")
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def test_a_package_is_unpacked_below_its_version(archive: Archive) -> None:
    """The machine's own release is another one: the archive has all of them."""
    folder = archive.fetch()
    assert folder == archive.cache / "tool-1.0+x"
    assert subprocess.run([folder / "usr/bin/tool"], capture_output=True, text=True).stdout == "here\n"


def test_it_is_fetched_once_by_whoever_asks_first(archive: Archive) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: archive.fetch(), range(4)))) == 1
    archive.fetch()
    assert len(archive.asked) == 1


def test_a_package_that_was_replaced_is_named_with_the_cure(archive: Archive) -> None:
    archive.files.rename(archive.files.with_name("tool_1.1_amd64.deb"))
    with pytest.raises(
        LabError, match=r"\(trixie\) no longer has tool 1\.0\+x, because a point .*: make debian-pins"
    ):
        archive.fetch()
    assert _left(archive) == []


def test_other_bytes_are_refused(archive: Archive) -> None:
    with pytest.raises(LabError, match=r"file of tool 1\.0\+x is not the pinned one .*, and is not used"):
        archive.fetch(replace(archive.pin, sha256="0" * 64))
    assert _left(archive) == []


def test_an_archive_that_is_away_is_no_other_release(archive: Archive) -> None:
    (archive.apt / "sources.list").write_text("deb file:/no/such/archive trixie main\n")
    with pytest.raises(LabError, match=r"^tool 1\.0\+x cannot be fetched from this machine's archive"):
        archive.fetch()


def test_pins_are_read_as_they_were_written(tmp_path: Path) -> None:
    pins = [Pin("b", "trixie", "2", "pool/b", "0" * 64), Pin("a", "bookworm", "1", "pool/a", "1" * 64)]
    write_pins(pins, tmp_path / "pins.json")
    assert list(read_pins(tmp_path / "pins.json").values()) == pins[::-1]


def test_everything_wanted_is_pinned() -> None:
    pins = read_pins(PINS)
    assert {name: pin.suite for name, pin in pins.items()} == WANTED
    assert {*DOCKER, PACKER} == set(pins)
    assert pins["docker.io"].version.startswith("26.1.")
    assert all(len(pin.sha256) == 64 and pin.path.startswith("pool/") for pin in pins.values())


def _left(archive: Archive) -> list[str]:
    return [path.name for path in archive.cache.iterdir() if path.suffix != ".lock"]
