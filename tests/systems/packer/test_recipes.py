"""The templates of include/recipes/packer, in HCL2 and in JSON: read by Slipway, and checked by Packer."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.packer import packer
from slipway.packer.seed import write_seed
from slipway.packer.template import Template, read
from slipway.packer.variables import NAMES
from slipway.packer.workplace import PackerWorkplace
from tests.systems.packer.conftest import Make

RECIPES = Path(__file__).parents[3] / "include" / "recipes" / "packer"
BUILDERS = ("qemu", "openstack")
FORMATS = (".pkr.hcl", ".json")


def recipe(builder: str, suffix: str) -> Template:
    path = RECIPES / f"{builder}{suffix}"
    return read(path, path.name, "vm")


def test_each_builder_has_a_recipe_in_both_formats() -> None:
    assert {path.name for path in RECIPES.iterdir()} == {
        f"{one}{kind}" for one in BUILDERS for kind in FORMATS
    }


@pytest.mark.parametrize("builder", BUILDERS)
def test_both_formats_declare_the_same(builder: str) -> None:
    hcl, other = (recipe(builder, suffix) for suffix in FORMATS)
    assert (hcl.variables, hcl.builders) == (other.variables, other.builders)
    assert hcl.builders == {builder}
    hcl.check(hcl.variables - NAMES, NAMES)


@pytest.mark.parametrize("suffix", FORMATS)
def test_packer_takes_the_recipe_of_qemu(suffix: str, make: Make, place: PackerWorkplace) -> None:
    template = recipe("qemu", suffix)
    build = make(template.path.name, template.path.read_text())
    (build.context / "install.sh").write_text("#!/bin/sh\n")
    base = build.context / "base.qcow2"
    base.write_bytes(b"a base")
    write_seed(place.seed, place.key, "shop")
    values = dict.fromkeys(template.variables, "tcg") | {
        "slipway_base": str(base),
        "slipway_base_checksum": f"sha256:{hashlib.sha256(b'a base').hexdigest()}",
        "slipway_output": str(place.output),
        "slipway_seed": str(place.seed),
        "slipway_ssh_key": str(place.key),
    }
    packer.validate(replace(build, values=values))


@pytest.mark.parametrize("suffix", FORMATS)
def test_packer_reads_the_recipe_of_openstack(suffix: str, tmp_path: Path) -> None:
    """Its syntax alone: Packer checks the rest only with a login of a cloud."""
    values = tmp_path / "values.pkrvars.json"
    values.write_text(json.dumps(dict.fromkeys(recipe("openstack", suffix).variables, "x")))
    command = [packer.program(), "validate", "-syntax-only", f"-var-file={values}", f"openstack{suffix}"]
    said = subprocess.run(command, cwd=RECIPES, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
