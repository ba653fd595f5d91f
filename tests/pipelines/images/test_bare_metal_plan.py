"""Which builder a commit's bare-metal image has, and what decides the image then."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.diskimage_builder.inputs import ElementInputs
from slipway.flow.image import BaseImage
from slipway.flow.push import PushEvent
from slipway.github import repository
from slipway.github.repository import Commit
from slipway.packer import packer
from slipway.packer.errors import TemplateError
from slipway.packer.inputs import TemplateInputs
from slipway.pipelines.images.bare_metal_plan import BareMetalBuildPlan, ResolvedBareMetal, decide
from slipway.pipelines.images.commit import read_spec

SPEC = """\
version: 1
name: shop
bare_metal:
  kind: whole_disk
  format: FORMAT
  packer:
    template: metal/metal.pkr.hcl
    base: {artifactory: generic-local/bases/debian-12.qcow2}
    variables: {EDITION: full}
"""
TEMPLATE = """\
variable "EDITION" { type = string }
variable "slipway_commit" { type = string }
source "BUILDER" "disk" { }
build { sources = ["source.BUILDER.disk"] }
"""
ELEMENTS = """\
version: 1
name: shop
bare_metal: {elements: [tiny], base: false}
"""
TINY = Path(__file__).parents[2] / "samples/elements/tiny"
Decide = Callable[..., BareMetalBuildPlan]


@pytest.fixture
def decided(tmp_path: Path) -> Decide:
    """Commit files and decide, as the task ``plan`` does once it has fetched them."""
    folder = tmp_path / "work"
    folder.mkdir()
    settings = {"user.name": "A", "user.email": "a@b.c"}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=repository.environment(settings),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "--quiet")

    def decided(
        spec: str = SPEC, form: str = "qcow2", builder: str = "qemu", **more: str
    ) -> BareMetalBuildPlan:
        template = TEMPLATE.replace("BUILDER", builder)
        files = {"slipway.yaml": spec.replace("FORMAT", form), "metal/metal.pkr.hcl": template, **more}
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message=x")
        push = PushEvent(repository="acme/shop", ref="refs/heads/main", commit=git("rev-parse", "HEAD"))
        commit = Commit(push, folder / ".git", folder)
        known = BareMetalBuildPlan(
            push=push, place="generic-local/acme/shop/bare_metal", spec=read_spec(commit)
        )
        return decide(known, commit)

    return decided


def test_template_is_built_by_packer_whose_version_counts(decided: Decide) -> None:
    plan = decided()
    assert isinstance(plan.inputs, TemplateInputs)
    assert (plan.inputs.template, plan.inputs.tool) == ("metal.pkr.hcl", packer.version())
    assert plan.inputs.variables == {"EDITION": "full", "slipway_commit": plan.push.commit}
    assert (plan.says_commit, plan.sources) == (True, ())


def test_elements_are_built_by_diskimage_builder(decided: Decide) -> None:
    tiny = {f"elements/tiny/{path.relative_to(TINY)}": path for path in TINY.rglob("*") if path.is_file()}
    plan = decided(ELEMENTS, **{name: path.read_text() for name, path in tiny.items()})
    assert isinstance(plan.inputs, ElementInputs)
    assert "tiny" in plan.inputs.trees


WITHOUT_COMMIT = TEMPLATE.replace('variable "slipway_commit" { type = string }\n', "")


def digest_of(plan: BareMetalBuildPlan) -> str:
    assert plan.inputs is not None
    return plan.inputs.digest


def test_inputs_are_those_of_the_template_and_not_of_the_commit(decided: Decide) -> None:
    own = {"metal/metal.pkr.hcl": WITHOUT_COMMIT.replace("BUILDER", "qemu")}
    first = decided(**own)
    assert not first.says_commit
    second = decided(**own, README="another commit, the same folder metal/")
    assert first.push.commit != second.push.commit
    assert digest_of(first) == digest_of(second)
    changed: list[dict[str, Any]] = [
        {**own, "metal/install.sh": "a script of the template's"},
        {**own, "spec": SPEC.replace("full", "small")},
        {**own, "spec": SPEC + "  boot: {ssh: true}\n"},
        {**own, "form": "raw"},
    ]
    digests = {digest_of(decided(**one)) for one in changed}
    assert len(digests | {digest_of(first)}) == len(changed) + 1


def test_plan_travels_as_json_and_stays_what_it_was(decided: Decide) -> None:
    plan = decided()
    assert BareMetalBuildPlan.from_json(plan.to_json()) == plan
    assert isinstance(plan.inputs, TemplateInputs)
    base = BaseImage(name="a", digest=f"sha256:{'1' * 64}", reference="a", served_by="artifactory")
    inputs = plan.inputs.model_copy(update={"base": base})
    resolved = ResolvedBareMetal.from_json(ResolvedBareMetal(plan=plan, inputs=inputs, image=None).to_json())
    assert isinstance(resolved.inputs, TemplateInputs)
    assert resolved.bases == (base,)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"builder": "openstack"},
            r"^bare_metal\.packer\.template: metal/metal\.pkr\.hcl has the builder openstack, .* Use a "
            r"builder that makes one, such as `qemu`",
        ),
        (
            {"spec": SPEC.replace("EDITION", "COLOUR")},
            r"^bare_metal\.packer\.variables: the template declares no variable 'COLOUR'",
        ),
        (
            {"spec": SPEC.replace("template:", "context: build\n    template:").replace("metal/", "build/")},
            r"^bare_metal\.packer\.context: build is not a folder of the commit",
        ),
    ],
)
def test_template_is_refused_with_its_field_and_cure(
    decided: Decide, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        decided(**changed)
