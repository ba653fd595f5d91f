"""The documentation, held to the code: examples validate, fields are all named, links lead somewhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from pydantic import BaseModel
from rich.console import Console

from lab.ground import ground_of
from lab.paths import Paths
from lab.roster import servers
from slipway.cli import parser
from slipway.cli.result import RunResult
from slipway.cli.status import PlatformStatus, PushStatus
from slipway.cli.tables import print_statuses
from slipway.flow.apps import Apps
from slipway.flow.document import load
from slipway.flow.spec import BuildSpec
from slipway.flow.tenancy.policy import Policy
from tests.cli.records import START

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "lab" / "examples").glob("*/slipway.yaml"))
MODELS: dict[str, type[BuildSpec] | type[Apps] | type[Policy]] = {
    "# slipway.yaml": BuildSpec,
    "# apps.yaml": Apps,
    "# tenancy.yaml": Policy,
}


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
        for number, text in enumerate(found):
            yield f"{page.relative_to(ROOT)}#{number}", dedent(text)


YAML = list(_blocks("yaml"))


@pytest.mark.parametrize("block", [text for _, text in YAML], ids=[name for name, _ in YAML])
def test_yaml_examples_are_what_their_first_line_says(block: str) -> None:
    model = MODELS.get(block.splitlines()[0])
    if model is None:
        assert list(yaml.safe_load_all(block))
    else:
        assert load(block.encode(), model, block.splitlines()[0])


def test_an_example_in_json_is_read_like_yaml() -> None:
    [block] = [text for name, text in _blocks("json") if name.startswith("docs/spec.md")]
    assert json.loads(block)
    assert load(block.encode(), BuildSpec, "slipway.yaml").name == "hello"


def test_every_document_has_examples() -> None:
    assert {block.splitlines()[0] for _, block in YAML} >= set(MODELS)


def _fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            if inner not in seen:
                yield from _fields(inner, seen)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


@pytest.mark.parametrize("model", [BuildSpec, Apps])
def test_every_field_is_explained(model: type[BaseModel]) -> None:
    explained = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "spec.md").read_text()))
    fields = set(_fields(model, set()))
    assert len(fields) > 4
    assert fields <= explained


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_valid_and_complete(path: Path) -> None:
    spec = load(path.read_bytes(), BuildSpec, str(path))
    assert spec.container or spec.vm or spec.bare_metal
    if spec.container:
        assert (path.parent / spec.container.dockerfile).is_file()
        assert all((path.parent / manifest).is_file() for manifest in spec.container.kubernetes.manifests)
    templates = [spec.vm, spec.bare_metal and spec.bare_metal.packer]
    assert all((path.parent / one.template).exists() for one in templates if one)


def test_every_example_may_build_in_the_lab() -> None:
    apps = load((ROOT / "lab" / "apps.yaml").read_bytes(), Apps, "lab/apps.yaml")
    for path in EXAMPLES:
        environment = apps.get(f"examples/{path.parent.name}").environment_for("refs/heads/main")
        assert environment is not None


def test_the_json_that_is_printed_is_documented_as_it_is() -> None:
    documented = [json.loads(text) for page, text in _blocks("json") if page.startswith("docs/cli.md")]
    status, result = documented
    assert PushStatus.from_json(status).to_json() == status
    assert status["platforms"]["container"]["state"] == "running"
    assert RunResult.from_json(result).to_json() == result


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_shows_what_status_prints_of_a_push_that_failed() -> None:
    log = "http://127.0.0.1:8080/dags/container_image/runs/push~hello~main~4f0c64f0c61d~5d41402a/tasks/base_images"
    nothing = PlatformStatus(
        state="nothing", since=START, detail="slipway.yaml declares nothing for this platform"
    )
    reason = (
        "base image busybox:0.0.1 is neither in 127.0.0.1:5001/docker-local/library/busybox "
        "nor on Docker Hub (127.0.0.1:5002). Check its name and tag in the Dockerfile."
    )
    failed = PlatformStatus(
        state="failed", since=START, detail=f"build failed in container_image/base_images: {reason}", log=log
    )
    status = PushStatus(
        repository="examples/hello",
        commit="4f0c64f0c61d1e55a0e0a3b3d3f7b1d0a0f3c9d2",
        ref="refs/heads/main",
        platforms={"container": failed, "vm": nothing, "bare_metal": nothing},
    )
    out = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    print_statuses(out, [status], START + timedelta(seconds=48))
    printed = out.file.getvalue()  # type: ignore[attr-defined]
    assert f"```text\n{printed}```" in (ROOT / "README.md").read_text(), printed


def test_every_option_of_the_command_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    commands = next(action for action in parser()._actions if action.dest == "command").choices
    assert commands is not None
    for name in commands:
        assert f"`slipway {name}" in text
        options = [option for action in commands[name]._actions for option in action.option_strings]
        assert [option for option in options if option.startswith("--") and f"`{option}" not in text] == [
            "--help"
        ]


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert named <= targets


def test_every_server_of_the_lab_is_explained(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "lab.md").read_text()
    names = [server.name for server in servers(ground_of(Paths(tmp_path, tmp_path)))]
    assert "airflow" in names
    assert [name for name in names if f"| `{name}` |" not in text] == []


ARCHITECTURE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "plugins" / "slipway"
LARGE_RECIPES = {"Another platform"}
"""Those that still name more than eight files, and say why."""


def _recipes() -> dict[str, list[str]]:
    """Return the files that each recipe names, as its table has them."""
    _, _, text = ARCHITECTURE.read_text().partition("\n## Recipes\n")
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^\| (`[^`]+`(?: \(new\))?) \|", body, re.MULTILINE)
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("title", _recipes())
def test_a_recipe_names_files_that_exist(title: str) -> None:
    named = [name.strip("`") for name in _recipes()[title] if not name.endswith("(new)")]
    assert named
    assert [name for name in named if not ((ROOT / name).exists() or (PACKAGE / name).exists())] == []


def test_a_recipe_names_at_most_eight_files() -> None:
    found = _recipes()
    assert len(found) == 5
    assert {title for title, files in found.items() if len(files) > 8} == LARGE_RECIPES


def test_every_package_is_explained() -> None:
    _, _, text = ARCHITECTURE.read_text().partition("\n## Packages\n")
    explained = set(re.findall(r"`([a-z_]+)/?`", text.partition("\n## ")[0]))
    packages = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/*.py")
    }
    assert packages - {"__init__"} - explained == set()


def test_every_decision_is_listed_by_its_title() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    for page in sorted((ROOT / "docs" / "decisions").glob("0*.md")):
        number, title = page.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert int(number) == int(page.name[:4])
        assert f"| {number} | [{title}]({page.name}) |" in listed
