"""The machine's packages and archive, read from its own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import debian
from lab.server import LabError

DEB822 = """\
# the archive
Types: deb
# http://old.invalid/debian
URIs: http://mirror.invalid/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://source.invalid/debian
Suites: trixie
Components: main
"""
ONE_LINE = """\
# deb http://commented.invalid/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://line.invalid/debian bookworm main contrib
deb-src http://line.invalid/debian trixie main
"""


def _apt(folder: Path, **files: str) -> Path:
    parts = folder / "sources.list.d"
    parts.mkdir()
    for name, text in files.items():
        (parts / name.replace("_", ".")).write_text(text)
    return folder


def test_the_archive_is_read_from_deb822_sources(tmp_path: Path) -> None:
    assert debian.archive("bookworm", _apt(tmp_path, debian_sources=DEB822)) == "http://mirror.invalid/debian"


def test_the_archive_is_read_from_one_line_sources(tmp_path: Path) -> None:
    assert debian.archive("bookworm", _apt(tmp_path, debian_list=ONE_LINE)) == "http://line.invalid/debian"


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("has", ["bookworm", "trixie", "trixie-updates", "stable"])
def test_one_archive_has_every_release(tmp_path: Path, suite: str, has: str) -> None:
    text = f"deb http://a.invalid/tool {has} stable\ndeb http://line.invalid/debian {has} non-free main#\n"
    assert debian.archive(suite, _apt(tmp_path, debian_list=text)) == "http://line.invalid/debian"


def test_the_release_that_is_asked_for_comes_first(tmp_path: Path) -> None:
    text = "deb http://new.invalid/debian trixie main\ndeb http://old.invalid/debian bookworm main\n"
    apt = _apt(tmp_path, debian_list=text)
    assert debian.archive("bookworm", apt) == "http://old.invalid/debian"
    assert debian.archive("trixie", apt) == "http://new.invalid/debian"


def test_an_image_for_clouds_names_a_file_of_mirrors(tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text(
        "# the first that answers\n\nhttp://first.invalid/debian priority:1\nhttp://b.invalid/\n"
    )
    text = f"Types: deb\nURIs: mirror+file:{mirrors}\nSuites: trixie\nComponents: main\n"
    assert debian.archive("trixie", _apt(tmp_path, debian_sources=text)) == "http://first.invalid/debian"


@pytest.mark.parametrize(
    "text",
    [
        DEB822.replace("Types: deb\n", "Types: deb-src\n"),
        DEB822.replace("Types: deb\n", "Types: deb\nEnabled: no\n"),
        DEB822.replace("Components: main", "Components: stable"),
    ],
)
def test_what_is_no_source_of_the_archives_packages_is_passed_over(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabError, match=r"no apt source .* has Debian's archive \(main, trixie\); add it"):
        debian.archive("trixie", _apt(tmp_path, a_sources=text))


def test_images_come_from_where_the_machines_packages_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DIB_DISTRIBUTION_MIRROR", "DIB_DEBIAN_SECURITY_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    text = ONE_LINE + "deb http://safe.invalid/security trixie-security main\n"
    assert debian.image_mirrors(_apt(tmp_path, a_list=text)) == {
        "DIB_DISTRIBUTION_MIRROR": "http://line.invalid/debian",
        "DIB_DEBIAN_SECURITY_MIRROR": "http://safe.invalid/security",
    }


def test_a_machine_without_a_security_suite_builds_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIB_DEBIAN_SECURITY_MIRROR", raising=False)
    apt = _apt(tmp_path, a_list=ONE_LINE)
    security = "DIB_DEBIAN_SECURITY_MIRROR"
    assert debian.image_mirrors(apt)[security] == "http://line.invalid/debian-security"
    monkeypatch.setenv(security, "http://mine.invalid/security")
    assert debian.image_mirrors(apt)[security] == "http://mine.invalid/security"


def test_a_missing_package_is_found_out() -> None:
    assert debian.missing(["dpkg", "no-such-package-anywhere"]) == ["no-such-package-anywhere"]
    assert debian.missing([]) == []


def test_services_are_held_back_during_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """apt-get is faked: the test sees what the packages' scripts would see."""
    seen = tmp_path / "seen"
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "createcluster.d" / "lab.conf"
    monkeypatch.setattr(debian, "POLICY", policy)
    monkeypatch.setattr(debian, "CLUSTER_SETTINGS", cluster)
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n{policy} >> {seen}; echo "$? $(cat {cluster}) $*" >> {seen}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    debian.install(["some-package"], tmp_path / "log")
    lines = seen.read_text().splitlines()
    assert all(line.startswith("101 create_main_cluster = false ") for line in lines)
    assert lines[-1].endswith("install --yes --no-install-recommends some-package")
    assert not policy.exists()
    assert not cluster.exists()


def test_a_failing_installation_shows_apts_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(debian, "CLUSTER_SETTINGS", tmp_path / "lab.conf")
    fake = tmp_path / "apt-get"
    fake.write_text("#!/bin/sh\necho 'E: Unable to locate package'; exit 100\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(
        LabError, match=r"(?s)failed with exit code 100 \(all of it: .*log\):.*E: Unable to locate"
    ):
        debian.install(["some-package"], tmp_path / "log")


def test_only_root_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabError, match="not root: cannot install some-package"):
        debian.install(["some-package"], tmp_path / "log")
