"""Where this machine's apt installs from.

Both of apt's formats: https://manpages.debian.org/bookworm/apt/sources.list.5.en.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"(?m)^\s*deb\s+(?:\[[^]]*\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>[^#\n]*)")
FIELD = re.compile(r"(?m)^(?P<name>[A-Za-z-]+)[ \t]*:[ \t]*(?P<value>.*)$")


@dataclass(frozen=True)
class Source:
    """One place of binary packages."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def source_files(apt: Path) -> list[Path]:
    """Return the files that apt reads below ``apt`` (``/etc/apt``), in its order."""
    found = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    return [path for path in found if path.is_file() and path.suffix in (".list", ".sources")]


def read_sources(path: Path) -> Iterator[Source]:
    """Yield the enabled sources of binary packages in a file."""
    text = path.read_text(errors="replace")
    if path.suffix == ".list":
        for found in LINE.finditer(text):
            yield Source(found["uri"], (found["suite"],), tuple(found["components"].split()))
        return
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {found["name"].lower(): found["value"].strip() for found in FIELD.finditer(stanza)}
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
            for uri in fields.get("uris", "").split():
                yield Source(uri, tuple(suites), tuple(components))
