"""What a build leaves behind is looked at before it is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slipway.packer.errors import TemplateError
from slipway.packer.result import find_image
from slipway.packer.seed import write_seed
from slipway.packer.workplace import PackerWorkplace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "image").mkdir()
    return tmp_path / "image"


def test_image_by_its_name(folder: Path) -> None:
    for name in ("other", "wanted"):
        (folder / name).write_text(name)
    assert find_image(folder, "wanted") == folder / "wanted"


def test_only_file_whatever_its_name(folder: Path) -> None:
    (folder / "packer-hello").write_text("x")
    (folder / "nvram").mkdir()
    assert find_image(folder, "wanted") == folder / "packer-hello"


def test_nothing_and_too_much(folder: Path) -> None:
    with pytest.raises(TemplateError, match="left no file in slipway_output, and no wanted"):
        find_image(folder, "wanted")
    for name in "ab":
        (folder / name).write_text(name)
    with pytest.raises(TemplateError, match="left a, b in slipway_output"):
        find_image(folder, "wanted")
    with pytest.raises(TemplateError, match="Set output_directory to the variable slipway_output"):
        find_image(folder / "nowhere", "wanted")


def test_links_pipes_and_a_link_as_folder_are_no_image(folder: Path, tmp_path: Path) -> None:
    (folder / "wanted").symlink_to("/etc/shadow")
    os.mkfifo(folder / "pipe")
    with pytest.raises(TemplateError, match="left no file"):
        find_image(folder, "wanted")
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(TemplateError, match="left no image in the output folder"):
        find_image(tmp_path / "link", "shadow")


def test_login_of_the_machine_is_made_anew_each_time_and_its_private_half_is_nobody_s(
    tmp_path: Path,
) -> None:
    public = []
    for name in "ab":
        write_seed(tmp_path / name, tmp_path / f"{name}.key", "shop")
        assert (tmp_path / f"{name}.key").stat().st_mode & 0o077 == 0
        assert (tmp_path / f"{name}.key").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
        seed = (tmp_path / name / "user-data").read_text()
        assert seed.startswith('#cloud-config\n{"ssh_authorized_keys": ["ssh-ed25519 ')
        assert '"local-hostname": "shop"' in (tmp_path / name / "meta-data").read_text()
        public.append(seed)
    assert public[0] != public[1]


def test_folder_of_a_build_is_empty_at_first_and_gone_afterwards(tmp_path: Path) -> None:
    place = PackerWorkplace(tmp_path, "slipway-build-shop-1")
    place.writable.mkdir(parents=True)
    (place.writable / "half").write_text("of a try whose worker died")
    with place.occupied():
        assert os.listdir(place.writable) == []
        assert not place.output.exists()
    assert not place.folder.exists()
    assert os.listdir(tmp_path / "builds") == []
