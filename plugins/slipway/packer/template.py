"""An application's template: what it is written in, its builders, and which variables it takes.

https://developer.hashicorp.com/packer/docs/templates
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.packer.errors import TemplateError

HCL = ".pkr.hcl"
MAX_BYTES = 1024**2
OWN = "slipway_"
"""The prefix of variables that Slipway sets."""
CLOUD = "openstack"
"""The builder that makes its image in the cloud; all others make a file."""

_VARIABLE = re.compile(r'^\s*variable\s+"([A-Za-z_][A-Za-z0-9_-]*)"\s*\{', re.MULTILINE)
_SOURCE = re.compile(r'^\s*source\s+"([a-z0-9-]+)"\s+"[^"\n]+"\s*\{', re.MULTILINE)


@dataclass(frozen=True)
class Template:
    """A template in a checkout: ``path`` is a file, or a folder of HCL files."""

    path: Path
    variables: frozenset[str]
    """Names of the variables that it declares."""
    builders: frozenset[str]
    """Types of its builders, such as ``qemu``."""
    field: str
    """Where ``slipway.yaml`` describes it: ``vm``, for example."""

    @property
    def in_cloud(self) -> bool:
        """Whether its image is made in the cloud, by a temporary server, and not on the worker."""
        return CLOUD in self.builders

    def takes(self, name: str) -> bool:
        """Say whether it declares the variable ``name``."""
        return name in self.variables

    def check(self, given: Collection[str], own: Collection[str]) -> None:
        """See that each variable has one who sets it.

        :param given: names of the spec's ``variables``.
        :param own: names of all that Slipway sets.
        :raises TemplateError: when the spec names one that is not declared, or one of Slipway's.
        """
        if reserved := sorted(name for name in given if name.startswith(OWN)):
            raise TemplateError(
                f"{self.field}.variables: {reserved[0]} is set by Slipway. Remove it from slipway.yaml; the "
                "template receives it when it declares it."
            )
        if unknown := sorted(set(given) - self.variables):
            raise TemplateError(
                f"{self.field}.variables: the template declares no variable {unknown[0]!r} "
                f"(it declares: {', '.join(sorted(self.variables)) or 'none'}). Declare it, or remove it."
            )
        if lost := sorted(name for name in self.variables - set(own) if name.startswith(OWN)):
            raise TemplateError(
                f"{self.path.name}: variable {lost[0]!r} is not one that Slipway sets (it sets: "
                f"{', '.join(sorted(own))}). Name one of them, or another without `{OWN}`."
            )

    def values(self, own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        """Return the values of its variables: the spec's, and Slipway's as far as it takes them."""
        return {**given, **{name: value for name, value in own.items() if self.takes(name)}}


def read(path: Path, name: str, field: str) -> Template:
    """Read the template at ``path``, which the spec calls ``name``.

    :param path: below a checkout; nothing on the way to it is a link.
    :param field: of ``slipway.yaml`` that describes it.
    :raises TemplateError: when it is no template, or makes more than one kind of image.
    """
    said = f"{field}.template: {name}"
    if path.is_dir():
        files = sorted(path.glob(f"*{HCL}"))
        if not files:
            raise TemplateError(
                f"{said} is a folder without a {HCL} file. Name the template's file, or a folder of "
                f"{HCL} files."
            )
        return _hcl(path, files, said, field)
    if not path.is_file():
        raise TemplateError(f"{said} is not in the commit. Commit it, or name another.")
    if path.name.endswith(HCL):
        return _hcl(path, [path], said, field)
    if path.suffix == ".json":
        return _json(path, said, field)
    raise TemplateError(
        f"{said} is neither JSON nor HCL2 by its file name. Rename it to {name}.json or {name}{HCL}."
    )


def _hcl(path: Path, files: Iterable[Path], said: str, field: str) -> Template:
    text = "\n".join(_content(file, field) for file in files)
    variables, builders = _VARIABLE.findall(text), _SOURCE.findall(text)
    return _checked(Template(path, frozenset(variables), frozenset(builders), field), said)


def _json(path: Path, said: str, field: str) -> Template:
    try:
        document: Any = json.loads(_content(path, field))
    except ValueError as error:
        raise TemplateError(f"{said} is not JSON: {error}. Correct it.") from None
    variables = document.get("variables", {}) if isinstance(document, dict) else None
    builders = document.get("builders", []) if isinstance(document, dict) else None
    if not isinstance(variables, dict) or not isinstance(builders, list):
        raise TemplateError(f"{said} is not a template: it must be an object with `builders`.")
    types = {str(builder.get("type")) for builder in builders if isinstance(builder, dict)}
    return _checked(Template(path, frozenset(variables), frozenset(types), field), said)


def _checked(template: Template, said: str) -> Template:
    if not template.builders:
        raise TemplateError(f"{said} has no builder. Give it one, such as `qemu`.")
    if template.in_cloud and len(template.builders) > 1:
        raise TemplateError(
            f"{said} has the builders {', '.join(sorted(template.builders))}: an image is built either in "
            "the cloud or on the worker. Keep one of them."
        )
    return template


def _content(path: Path, field: str) -> str:
    if path.is_symlink():
        raise TemplateError(f"{field}.template: {path.name} is a link. Commit the file itself.")
    if path.stat().st_size > MAX_BYTES:
        raise TemplateError(f"{field}.template: {path.name} is larger than {MAX_BYTES // 1024} KiB.")
    return path.read_text(errors="replace")
