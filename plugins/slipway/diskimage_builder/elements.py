"""Elements: which there are, which a build takes, and what is in them.

https://docs.openstack.org/diskimage-builder/latest/developer/developing_elements.html
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

from diskimage_builder import element_dependencies, paths

from slipway.diskimage_builder.errors import ElementError
from slipway.diskimage_builder.tree import check_links, digest, mentions
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.flow.record import Digest

COMMIT_VARIABLE = "SLIPWAY_COMMIT"
SHOWN = 40


@dataclass(frozen=True)
class Elements:
    """The elements of one build, those that they depend on included.

    :param folders: where each is, by name.
    :param own: folder of the application's own, or None when the commit has none.
    """

    folders: Mapping[str, Path]
    own: Path | None

    def digests(self) -> dict[str, Digest]:
        """Return the digest of each element's files."""
        return {name: digest(folder) for name, folder in sorted(self.folders.items())}

    def take_commit(self) -> bool:
        """Say whether an element of the application's own reads ``SLIPWAY_COMMIT``."""
        word = COMMIT_VARIABLE.encode()
        own = (folder for folder in self.folders.values() if self.own and folder.is_relative_to(self.own))
        return any(mentions(folder, word) for folder in own)

    def having(self, script: str) -> str | None:
        """Return the name of the element that brings ``PHASE.d/SCRIPT``, or None."""
        return next((name for name, folder in self.folders.items() if (folder / script).exists()), None)


def version() -> str:
    """Return diskimage-builder's version: part of what decides an image."""
    return version_of("diskimage-builder")


def base_folder() -> Path:
    """Return the folder of diskimage-builder's own elements."""
    return Path(paths.get_path("elements"))


def find(spec: BareMetal, checkout: Path) -> Elements:
    """Find every element that a build of ``spec`` takes.

    :raises ElementError: when one does not exist, or they do not go together.
    """
    own = _own(spec, checkout)
    asked = [*(["base"] if spec.base else []), *spec.all_elements, *_partitioning(spec)]
    search = [str(folder) for folder in (own, base_folder()) if folder]
    _check_names(spec, asked, own)
    try:
        found = element_dependencies.get_elements(asked, paths=":".join(search))
    except element_dependencies.MissingElementException as error:
        name = str(error).split("'")[1][:100]
        raise ElementError(
            f"an element depends on {name!r} (in its element-deps), which does not exist. {_known(name, own)}"
        ) from None
    except element_dependencies.MissingOSException:
        raise ElementError(
            "bare_metal.elements: none of them is a distribution. Add one, such as debian-minimal (its "
            "element-provides names operating-system)."
        ) from None
    except element_dependencies.AlreadyProvidedException as error:
        raise ElementError(
            f"bare_metal.elements: two of them conflict: {str(error)[:200] or 'see element-provides'}. "
            "Remove one."
        ) from None
    return Elements({name: Path(folder) for name, folder in found}, own)


def _own(spec: BareMetal, checkout: Path) -> Path | None:
    folder, root = checkout / spec.elements_path, checkout.resolve()
    if not folder.resolve().is_relative_to(root) or not folder.is_dir():
        return None
    if ":" in str(folder):
        raise ElementError(f"bare_metal.elements_path: {spec.elements_path} must not hold a colon.")
    check_links(folder, spec.elements_path)
    return folder.resolve()


def _partitioning(spec: BareMetal) -> list[str]:
    """Return what diskimage-builder itself adds to ``vm`` when nothing says how to partition."""
    if spec.kind == "partition" or any(name.startswith("block-device-") for name in spec.elements):
        return []
    return ["block-device-mbr"]


def _check_names(spec: BareMetal, asked: Iterable[str], own: Path | None) -> None:
    names = _names(own)
    for name in asked:
        if name not in names:
            where = "" if own else f" ({spec.elements_path} is not a folder of the commit)"
            raise ElementError(
                f"bare_metal.elements: {name!r} does not exist{where}. {_known(name, own)} "
                "Correct it, or commit it as a folder below elements_path."
            )


def _names(own: Path | None) -> set[str]:
    folders = (folder for folder in (own, base_folder()) if folder)
    return {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"__pycache__"}


def _known(name: str, own: Path | None) -> str:
    close = difflib.get_close_matches(name, sorted(_names(own)), n=3)
    mine = sorted(path.name for path in own.iterdir() if path.is_dir()) if own else []
    base = sorted(_names(None))
    said = f"Did you mean {' or '.join(close)}? " if close else ""
    more = f" and {len(base) - SHOWN} more" if len(base) > SHOWN else ""
    return (
        f"{said}The application's own: {', '.join(mine[:SHOWN]) or 'none'}; "
        f"diskimage-builder's: {', '.join(base[:SHOWN])}{more}."
    )
