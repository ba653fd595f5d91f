"""Which package sources a build uses: asked of its elements' own ``environment.d``.

That is code of the application's as well: it runs in a sandbox without rights, and is only listened to.
https://docs.openstack.org/diskimage-builder/latest/developer/developing_elements.html#phase-subdirectories
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from slipway.diskimage_builder.elements import Elements, base_folder
from slipway.flow.record import Record
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import Sandbox

SECONDS = 30.0
_MARK = "slipway-apt-source "
_ASK = f"""
for file in "$@"; do source "$file" > /dev/null 2>&1 < /dev/null || true; done
echo
echo "$DIB_APT_SOURCES_CONF" | while read -r line; do echo "{_MARK}$line"; done
"""
_LINE = re.compile(
    r"^(?:[\w.-]+:)?\s*deb\s+(?:\[[^]]*\]\s+)?(?P<mirror>https?://[!-~]+)\s+"
    r"(?P<suite>[\w./-]+)\s+(?P<components>[\w -]+)$"
)


class AptSource(Record):
    """A line of ``sources.list``."""

    mirror: str
    suite: str
    components: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is, wherever it is fetched from."""
        return f"{self.suite} {' '.join(self.components)}"


def ask(elements: Elements, variables: Mapping[str, str], checkout: Path) -> tuple[AptSource, ...]:
    """Return the apt sources that the elements name in ``DIB_APT_SOURCES_CONF``; none where they do not.

    :param checkout: the commit's files.
    :raises SandboxError: when the worker cannot run it apart.
    """
    scripts = [path for folder in elements.folders.values() for path in folder.glob("environment.d/*")]
    # As dib-run-parts sorts them: by their leading number.
    scripts.sort(key=lambda path: (int(re.match(r"\d*", path.name)[0] or 0), path.name))  # type: ignore[index]
    sandbox = Sandbox(
        folder=checkout,
        readable=[checkout, base_folder()],
        environment={**variables, "IMAGE_ELEMENT": " ".join(elements.folders)},
    )
    command = ["/bin/bash", "-c", _ASK, "environment", *map(str, scripts)]
    with Program(command, sandbox, SECONDS, grace=0) as program:
        said = [line.removeprefix(_MARK) for line in program.lines() if line.startswith(_MARK)]
    return tuple(found for line in said if (found := _read(line)))


def _read(line: str) -> AptSource | None:
    found = _LINE.match(line.strip())
    if found is None or ".." in found["suite"]:
        return None
    return AptSource(
        mirror=found["mirror"].rstrip("/"),
        suite=found["suite"],
        components=tuple(found["components"].split()),
    )
