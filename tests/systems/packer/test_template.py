"""What is read of a template before Packer sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.packer.errors import TemplateError
from slipway.packer.template import Template, read
from slipway.packer.variables import NAMES

QEMU = """
variable "slipway_commit" { type = string }
  variable "EDITION" {
    default = "small"
  }
# variable "not_this" {}
source "qemu" "shop" { }
build { sources = ["source.qemu.shop"] }
"""


def written(folder: Path, name: str, content: str) -> Template:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return read(folder / name, name, "vm")


def test_hcl(tmp_path: Path) -> None:
    found = written(tmp_path, "shop.pkr.hcl", QEMU)
    assert found.variables == {"slipway_commit", "EDITION"}
    assert found.builders == {"qemu"}
    assert not found.in_cloud


def test_folder_of_hcl(tmp_path: Path) -> None:
    (tmp_path / "a.pkr.hcl").write_text('variable "a" {}\n')
    (tmp_path / "b.pkr.hcl").write_text('source "openstack" "b" {}\n')
    (tmp_path / "c.txt").write_text('variable "c" {}\n')
    found = read(tmp_path, "packer", "vm")
    assert (found.variables, found.builders, found.in_cloud) == ({"a"}, {"openstack"}, True)


def test_json(tmp_path: Path) -> None:
    content = '{"variables": {"a": "", "slipway_base": null}, "builders": [{"type": "qemu"}]}'
    found = written(tmp_path, "shop.json", content)
    assert (found.variables, found.builders) == ({"a", "slipway_base"}, {"qemu"})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("shop.yaml", "a", "is neither JSON nor HCL2 by its file name. Rename it"),
        ("shop.json", "{", "is not JSON: "),
        ("shop.json", "[]", "must be an object with `builders`"),
        ("shop.json", '{"variables": [], "builders": []}', "must be an object with `builders`"),
        ("shop.json", "{}", "has no builder"),
        ("shop.pkr.hcl", 'variable "a" {}', "has no builder"),
        (
            "shop.pkr.hcl",
            'source "openstack" "a" {}\nsource "qemu" "b" {}',
            "has the builders openstack, qemu: an image is built either in the cloud or on the worker",
        ),
        ("shop.pkr.hcl", " " * (1024**2 + 1), "is larger than 1024 KiB"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        written(tmp_path, name, content)
    assert said in str(refusal.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"packer/shop.json is not in the commit"):
        read(tmp_path / "packer/shop.json", "packer/shop.json", "vm")
    with pytest.raises(TemplateError, match=r"packer is a folder without a .pkr.hcl file"):
        read(tmp_path, "packer", "vm")


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"builders": [{"type": "qemu"}]}')
    (tmp_path / "shop.json").symlink_to("secret")
    with pytest.raises(TemplateError, match=r"is a link\. Commit the file itself"):
        read(tmp_path / "shop.json", "shop.json", "vm")


def test_refusal_names_the_field_of_the_spec(tmp_path: Path) -> None:
    field = "bare_metal.packer"
    with pytest.raises(TemplateError, match=r"^bare_metal\.packer\.template: shop is neither JSON"):
        read(Path(__file__), "shop", field)
    template = Template(Path("a"), frozenset(), frozenset({"qemu"}), field)
    with pytest.raises(TemplateError, match=r"^bare_metal\.packer\.variables: the template declares no"):
        template.check({"COLOUR"}, NAMES)


@pytest.mark.parametrize(
    ("given", "declared", "said"),
    [
        ({"slipway_commit"}, "slipway_commit", "slipway_commit is set by Slipway. Remove it"),
        ({"COLOUR"}, "EDITION", "declares no variable 'COLOUR' (it declares: EDITION)"),
        (
            set(),
            "slipway_comit",
            "variable 'slipway_comit' is not one that Slipway sets (it sets: slipway_acc",
        ),
    ],
)
def test_variable_that_nobody_sets_or_two_do(given: set[str], declared: str, said: str) -> None:
    template = Template(Path("shop.json"), frozenset({declared}), frozenset({"qemu"}), "vm")
    with pytest.raises(TemplateError) as refusal:
        template.check(given, NAMES)
    assert said in str(refusal.value)


def test_values_are_the_spec_s_and_ours_as_far_as_they_are_declared() -> None:
    template = Template(Path("a"), frozenset({"EDITION", "slipway_commit"}), frozenset({"qemu"}), "vm")
    template.check({"EDITION"}, NAMES)
    values = template.values({"slipway_commit": "c", "slipway_run": "r"}, {"EDITION": "full"})
    assert values == {"EDITION": "full", "slipway_commit": "c"}
