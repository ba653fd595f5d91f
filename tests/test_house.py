"""One public class name, one meaning; import contracts name every room, and every module of the flow."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "plugins" / "slipway"
BY_PLATFORM = {"RolloutOperator", "GoBackOperator"}
"""Operators of which each platform has one: Airflow shows a task's operator beside its name, which says the
platform."""
LIKE_A_CLASS = re.compile(r"[A-Z][a-z]\w*")


def classes(path: Path) -> Iterator[str]:
    """Yield the public classes of a module."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def aliases(path: Path) -> Iterator[str]:
    """Yield what a module calls types by names of its own, such as ``Order = Create | Delete``."""
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        yield from (one.id for one in targets if isinstance(one, ast.Name) and LIKE_A_CLASS.fullmatch(one.id))


def where(found: Callable[[Path], Iterator[str]]) -> dict[str, list[str]]:
    """Return the modules of each name that is found in one."""
    modules: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in found(path):
            modules[name].append(str(path.relative_to(PACKAGE)))
    return modules


def contract(name: str) -> dict[str, Any]:
    """Return an import contract of pyproject.toml."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    [found] = [one for one in settings["tool"]["importlinter"]["contracts"] if one["name"] == name]
    return found


def test_a_class_name_means_one_thing() -> None:
    twice = {name: modules for name, modules in where(classes).items() if len(modules) > 1}
    assert {name: modules for name, modules in twice.items() if name not in BY_PLATFORM} == {}
    assert set(twice) == BY_PLATFORM, "what is named once needs no exception"


def test_a_name_of_types_means_one_thing_and_no_class() -> None:
    known, others = where(classes), where(aliases)
    assert {name: others[name] + known[name] for name in others.keys() & known.keys()} == {}
    assert {name for name, modules in others.items() if len(modules) > 1} == {"Json"}


def test_the_flow_may_import_no_room() -> None:
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/*.py")
    }
    banned = contract("The flow knows no system, no framework and no socket")["forbidden_modules"]
    others = rooms - {"flow", "__init__"}
    assert {one.removeprefix("slipway.") for one in banned if one.startswith("slipway.")} == others


def test_every_module_of_the_flow_has_its_layer() -> None:
    flow = PACKAGE / "flow"
    modules = {
        path.relative_to(flow).with_suffix("") for path in flow.rglob("*.py") if path.stem != "__init__"
    }
    layers = contract("Inside the flow, records look upstream only")["layers"]
    placed = [name for layer in layers for name in layer.split(" | ")]
    assert sorted(placed) == sorted(".".join(module.parts) for module in modules)
