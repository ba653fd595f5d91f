"""Elements are found, counted and looked into before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.diskimage_builder import elements
from slipway.diskimage_builder.errors import ElementError
from slipway.flow.ironic.bare_metal import BareMetal


def write(checkout: Path, path: str, text: str = "x\n") -> Path:
    file = checkout / "elements" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def spec(*names: str, **fields: object) -> BareMetal:
    return BareMetal.model_validate({"elements": names, **fields})


def test_dependencies_are_found_and_the_kind_of_image_is_added(tmp_path: Path) -> None:
    found = elements.find(spec("debian-minimal"), tmp_path)
    assert {"debian-minimal", "debootstrap", "dpkg", "base", "baremetal"} <= set(found.folders)
    assert found.own is None
    assert elements.find(spec("debian-minimal", base=False), tmp_path).folders.keys().isdisjoint({"base"})
    disk = elements.find(spec("debian-minimal", kind="whole_disk"), tmp_path)
    assert {"vm", "bootloader", "block-device-mbr"} <= set(disk.folders)
    efi = elements.find(spec("debian-minimal", "block-device-efi", kind="whole_disk"), tmp_path)
    assert "block-device-mbr" not in efi.folders


def test_own_element_goes_before_one_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path, "sysctl/README")
    found = elements.find(spec("debian-minimal", "sysctl"), tmp_path)
    assert found.folders["sysctl"] == tmp_path / "elements" / "sysctl"


def test_digest_follows_the_files_that_take_part_and_no_others(tmp_path: Path) -> None:
    script = write(tmp_path, "mine/install.d/50-x")
    asked = spec("debian-minimal", "mine")
    before = elements.find(asked, tmp_path).digests()
    assert elements.find(asked, tmp_path).digests() == before
    write(tmp_path, "other/install.d/50-x")
    assert elements.find(asked, tmp_path).digests() == before
    script.chmod(0o755)
    executable = elements.find(asked, tmp_path).digests()
    script.write_text("y\n")
    changed = elements.find(asked, tmp_path).digests()
    assert len({digests["mine"] for digests in (before, executable, changed)}) == 3
    assert changed["dpkg"] == before["dpkg"]


def test_commit_is_taken_by_an_own_element_that_reads_it(tmp_path: Path) -> None:
    script = write(tmp_path, "mine/install.d/50-x", "echo hello\n")
    asked = spec("debian-minimal", "mine")
    assert not elements.find(asked, tmp_path).take_commit()
    script.write_text("echo ${SLIPWAY_COMMIT} > /etc/issue\n")
    assert elements.find(asked, tmp_path).take_commit()
    assert elements.find(asked, tmp_path).having("install.d/50-x") == "mine"
    assert elements.find(asked, tmp_path).having("install.d/never") is None


@pytest.mark.parametrize(
    ("names", "files", "said"),
    [
        (
            ("debian-minmal",),
            (),
            r"'debian-minmal' does not exist \(elements is not a folder of the commit\)",
        ),
        (
            ("debian-minmal",),
            (),
            r"Did you mean debian-minimal or .*diskimage-builder's: almalinux-container",
        ),
        (("debian-minimal", "shopp"), ("shop/README",), r"Did you mean shop\?.*The application's own: shop;"),
        (("sysctl",), (), r"none of them is a distribution\. Add one, such as debian-minimal"),
        (("debian-minimal", "ubuntu-minimal"), (), r"two of them conflict: operating-system"),
    ],
)
def test_elements_that_make_no_image_are_named_with_what_there_is(
    tmp_path: Path, names: tuple[str, ...], files: tuple[str, ...], said: str
) -> None:
    for name in files:
        write(tmp_path, name)
    with pytest.raises(ElementError, match=said):
        elements.find(spec(*names), tmp_path)


@pytest.mark.parametrize("place", ["mine", "mine/element-deps", "mine/files/secrets"])
def test_link_that_leads_out_of_the_elements_is_refused(tmp_path: Path, place: str) -> None:
    write(tmp_path, "other/README")
    link = tmp_path / "elements" / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/etc/passwd" if place != "mine" else "/etc")
    with pytest.raises(ElementError, match=f"elements/{place} is a link to a place outside of elements"):
        elements.find(spec("debian-minimal"), tmp_path)


def test_elements_path_that_is_a_link_to_the_worker_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "elements").symlink_to("/etc")
    assert elements.find(spec("debian-minimal"), tmp_path).own is None
