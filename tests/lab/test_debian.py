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
    assert debian.mirror("bookworm", _apt(tmp_path, debian_sources=DEB822)) == "http://mirror.invalid/debian"


def test_the_archive_is_read_from_one_line_sources(tmp_path: Path) -> None:
    assert debian.mirror("bookworm", _apt(tmp_path, debian_list=ONE_LINE)) == "http://line.invalid/debian"


@pytest.mark.parametrize("text", [DEB822, ONE_LINE])
def test_a_source_only_suite_is_no_archive(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabError, match=r"no apt source below .* has the suite trixie"):
        debian.mirror("trixie", _apt(tmp_path, a_sources=text, b_list=text))


def test_a_missing_package_is_found_out() -> None:
    assert debian.missing(["dpkg", "no-such-package-anywhere"]) == ["no-such-package-anywhere"]
    assert debian.missing([]) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('ID=fedora\nVERSION_CODENAME=""\nPRETTY_NAME="Fedora Linux 42"\n', "Fedora Linux 42"),
        ("ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME=Debian 13\n", "Debian 13"),
        ("", "unknown"),
    ],
)
def test_another_system_is_refused(tmp_path: Path, text: str, found: str) -> None:
    release = tmp_path / "os-release"
    release.write_text(text)
    with pytest.raises(LabError, match=f"Debian 12's packages, and this machine is: {found}"):
        debian.require_bookworm(release)


def test_a_machine_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="this machine is: unknown"):
        debian.require_bookworm(tmp_path / "absent")


def test_debian_12_is_taken(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    debian.require_bookworm(release)


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
