"""Package sources: which the elements name, and what they are now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.errors import PackageSourceError, TransientPackageSourceError
from slipway.diskimage_builder.inputs import ElementInputs
from slipway.diskimage_builder.package_indexes import index_digests, states
from slipway.diskimage_builder.sources import AptSource, ask
from slipway.flow.ironic.bare_metal import BareMetal

INDEX = "1" * 64
RELEASE = f"""\
Origin: Debian
Date: {{date}}
MD5Sum:
 {"9" * 32}  10 main/binary-amd64/Packages
SHA256:
 {INDEX}  4711 main/binary-amd64/Packages
 {"2" * 64}   900 main/binary-amd64/Packages.xz
 {"3" * 64}  4711 main/binary-arm64/Packages
 {"4" * 64}  4711 contrib/binary-amd64/Packages
"""


class Archive(BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}
    status: dict[str, int] = {}

    def do_GET(self) -> None:
        content = self.files.get(self.path, b"")
        self.send_response(self.status.get(self.path, 200 if content else 404))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def archive() -> Iterator[str]:
    Archive.files, Archive.status = {}, {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def source(mirror: str, *components: str, suite: str = "bookworm") -> AptSource:
    return AptSource(mirror=f"{mirror}/debian", suite=suite, components=components or ("main",))


def put(release: str, name: str = "InRelease", suite: str = "bookworm") -> None:
    Archive.files[f"/debian/dists/{suite}/{name}"] = release.encode()


def test_state_changes_with_the_packages_and_not_with_the_signature(archive: str) -> None:
    put(RELEASE.format(date="Monday"))
    before = states([source(archive)], (), "amd64")
    assert list(before) == ["bookworm main"]
    put(RELEASE.format(date="Tuesday"))
    assert states([source(archive)], (), "amd64") == before
    put(RELEASE.format(date="Tuesday").replace(INDEX, "5" * 64))
    assert states([source(archive)], (), "amd64") != before


def test_release_without_a_signature_of_its_own_and_a_file_named_by_its_address(archive: str) -> None:
    put(RELEASE, name="Release")
    Archive.files["/repomd.xml"] = b"<repomd/>"
    found = states([source(archive, "main", "contrib")], [f"{archive}/repomd.xml"], "amd64")
    assert set(found) == {"bookworm main contrib", f"{archive}/repomd.xml"}
    Archive.files["/repomd.xml"] = b"<repomd revision='2'/>"
    again = states([source(archive, "main", "contrib")], [f"{archive}/repomd.xml"], "amd64")
    assert again["bookworm main contrib"] == found["bookworm main contrib"]
    assert again[f"{archive}/repomd.xml"] != found[f"{archive}/repomd.xml"]


def test_what_is_not_there_is_an_error_and_what_is_away_is_worth_another_try(archive: str) -> None:
    with pytest.raises(PackageSourceError, match=r"dists/never does not exist\. Correct bare_metal\.release"):
        states([source(archive, suite="never")], (), "amd64")
    put(RELEASE)
    with pytest.raises(PackageSourceError, match="has no packages of non-free for amd64"):
        states([source(archive, "non-free")], (), "amd64")
    Archive.status["/debian/dists/bookworm/InRelease"] = 503
    with pytest.raises(TransientPackageSourceError, match="answers 503"):
        states([source(archive)], (), "amd64")
    Archive.status["/debian/dists/bookworm/InRelease"] = 403
    with pytest.raises(PackageSourceError, match=r"answers 403\. Name a mirror that this worker may read"):
        states([source(archive)], (), "amd64")
    with pytest.raises(TransientPackageSourceError, match="does not answer"):
        states([source("http://127.0.0.1:1")], (), "amd64")


def test_indexes_of_the_wanted_components_and_architecture() -> None:
    assert index_digests(RELEASE, ["main"], "amd64") == [f"main/binary-amd64/Packages {INDEX}"]
    assert index_digests(RELEASE, ["main"], "riscv64") == []
    assert index_digests("no release at all", ["main"], "amd64") == []


def test_distribution_says_its_sources_itself(tmp_path: Path) -> None:
    asked = BareMetal.model_validate({"elements": ("debian-minimal",), "release": "bookworm"})
    worker = {"DIB_DISTRIBUTION_MIRROR": "http://mirror.example.com/debian/"}
    found = elements.find(asked, tmp_path)
    sources = ask(found, settings.variables(asked, worker, None), tmp_path)
    assert [one.name for one in sources] == [
        "bookworm main",
        "bookworm-updates main",
        "bookworm-security main",
    ]
    assert sources[0].mirror == "http://mirror.example.com/debian"


def test_environment_of_an_element_is_asked_apart_from_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    script = tmp_path / "elements/mine/environment.d/99-mine"
    script.parent.mkdir(parents=True)
    outside = tmp_path / "outside"
    script.write_text(
        f"touch {outside} /etc/slipway-was-here\n"
        "seen=$AIRFLOW__CORE__FERNET_KEY$(cat /etc/shadow | head -c 4)\n"
        'export DIB_APT_SOURCES_CONF="default:deb http://x.example.com/$seen $DIB_RELEASE main\n'
        "bad:deb file:///etc bookworm main\nworse:deb http://x.example.com ../../etc main\n"
        'signed:deb [signed-by=/usr/share/k.gpg] https://y.example.com/z stable/updates main contrib"\n'
    )
    asked = BareMetal.model_validate({"elements": ("debian-minimal", "mine"), "release": "trixie"})
    found = elements.find(asked, tmp_path)
    sources = ask(found, settings.variables(asked, {}, None), tmp_path)
    assert [(one.mirror, one.name) for one in sources] == [
        ("http://x.example.com", "trixie main"),
        ("https://y.example.com/z", "stable/updates main contrib"),
    ]
    assert not outside.exists()
    assert not Path("/etc/slipway-was-here").exists()


def test_worker_hands_on_its_mirrors_and_the_application_goes_before_it() -> None:
    asked = BareMetal.model_validate(
        {"elements": ("debian-minimal",), "environment": {"DIB_PYPI_MIRROR_URL": "http://mine"}}
    )
    worker = {
        "DIB_DISTRIBUTION_MIRROR": "http://theirs",
        "DIB_PYPI_MIRROR_URL": "http://theirs",
        "DIB_EPEL_DISABLED": "1",
        "DIB_IMAGE_CACHE": "/shared",
        "http_proxy": "http://proxy:3128",
        "AIRFLOW__CORE__FERNET_KEY": "secret",
        "OS_PASSWORD": "secret",
    }
    found = settings.variables(asked, worker, "c" * 40)
    assert found == {
        "DIB_DISTRIBUTION_MIRROR": "http://theirs",
        "DIB_PYPI_MIRROR_URL": "http://mine",
        "DIB_EPEL_DISABLED": "1",
        "http_proxy": "http://proxy:3128",
        "SLIPWAY_COMMIT": "c" * 40,
        "ARCH": "amd64",
        "FS_TYPE": "ext4",
    }
    deciding = settings.deciding(asked, found)
    assert "DIB_DISTRIBUTION_MIRROR" not in deciding
    assert "http_proxy" not in deciding
    assert deciding["DIB_PYPI_MIRROR_URL"] == "http://mine"


def test_every_input_counts_in_the_digest() -> None:
    first = ElementInputs(
        elements=("a",),
        trees={"a": f"sha256:{'1' * 64}"},
        variables={"DIB_X": "1"},
        options={"format": "raw"},
        tool="3",
    )
    others = [
        {"elements": ("a", "b")},
        {"trees": {"a": f"sha256:{'2' * 64}"}},
        {"variables": {"DIB_X": "2"}},
        {"options": {"format": "qcow2"}},
        {"tool": "4"},
        {"sources": {"bookworm main": f"sha256:{'3' * 64}"}},
    ]
    digests = {first.model_copy(update=change).digest for change in others} | {first.digest}
    assert len(digests) == len(others) + 1
