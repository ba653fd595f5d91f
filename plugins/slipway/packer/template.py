"""An application's template: what it is written in, and which variables it takes.

https://developer.hashicorp.com/packer/docs/templates
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.packer.errors import TemplateError

HCL = ".pkr.hcl"
MAX_BYTES = 1024**2
OWN = "slipway_"
"""What names of variables start with that Slipway sets."""

_VARIABLE = re.compile(r'^\s*variable\s+"([A-Za-z_][A-Za-z0-9_-]*)"\s*\{', re.MULTILINE)


@dataclass(frozen=True)
class Template:
    """A template in a checkout: ``path`` is a file, or a folder of HCL files."""

    path: Path
    variables: frozenset[str]
    """Names of the variables that it declares."""

    def takes(self, name: str) -> bool:
        """Say whether it declares the variable ``name``."""
        return name in self.variables

    def values(self, own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        """Return the values of its variables: the spec's, and Slipway's as far as it takes them.

        :raises TemplateError: when the spec names a variable that is not declared, or one of Slipway's.
        """
        if reserved := sorted(name for name in given if name.startswith(OWN)):
            raise TemplateError(
                f"vm.variables: {reserved[0]} is set by Slipway. Take it out of slipway.yaml; "
                "the template gets it by declaring it."
            )
        if unknown := sorted(set(given) - self.variables):
            raise TemplateError(
                f"vm.variables: the template declares no variable {unknown[0]!r} "
                f"(it declares: {', '.join(sorted(self.variables)) or 'none'}). Declare it, or take it out."
            )
        return {**given, **{name: value for name, value in own.items() if self.takes(name)}}


def read(path: Path, name: str) -> Template:
    """Read the template at ``path``, which the spec calls ``name``.

    :raises TemplateError: when it is no template.
    """
    if path.is_dir():
        files = sorted(path.glob(f"*{HCL}"))
        if not files:
            raise TemplateError(
                f"vm.template: {name} is a folder without a {HCL} file. Name the template's file, "
                f"or a folder of {HCL} files."
            )
        return Template(path, frozenset(_declared_in_hcl(files)))
    if not path.is_file():
        raise TemplateError(f"vm.template: {name} is not in the commit. Commit it, or name another.")
    if path.name.endswith(HCL):
        return Template(path, frozenset(_declared_in_hcl([path])))
    if path.suffix == ".json":
        return Template(path, frozenset(_declared_in_json(_content(path), name)))
    raise TemplateError(
        f"vm.template: {name} is neither JSON nor HCL2 by its name. Call it {name}.json or {name}{HCL}."
    )


def _declared_in_hcl(files: Iterable[Path]) -> Iterable[str]:
    return [name for file in files for name in _VARIABLE.findall(_content(file))]


def _declared_in_json(text: str, name: str) -> Iterable[str]:
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise TemplateError(
            f"vm.template: {name} is not JSON: {error}. `packer validate` says more."
        ) from None
    variables = document.get("variables", {}) if isinstance(document, dict) else None
    if not isinstance(variables, dict):
        raise TemplateError(f"vm.template: {name} is no template: it must be an object with `builders`.")
    return variables


def _content(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise TemplateError(f"vm.template: {path.name} is larger than {MAX_BYTES // 1024} KiB.")
    return path.read_text(errors="replace")
