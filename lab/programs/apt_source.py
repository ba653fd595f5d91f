"""The machine's own apt sources, said again for source packages of Debian 12 (``deb`` becomes ``deb-src``).

Both of apt's formats are read: https://manpages.debian.org/bookworm/apt/sources.list.5.en.html
"""

from __future__ import annotations

import re
from pathlib import Path

from lab.apt_sources import source_files

ONE_LINE = re.compile(r"deb\s+(?P<rest>\S.*)")
RELEASE = "bookworm"
LATER_RELEASE = re.compile(r"\btrixie\b")
"""Of an archive whose earlier release is asked for: it is in the same place."""
FIELD = re.compile(r"(?m)^(?P<name>[A-Za-z-]+)[ \t]*:[ \t]*(?P<value>.*)$")


def write_source_entries(etc_apt: Path, folder: Path) -> list[Path]:
    """Write a source entry below ``folder`` for each binary entry below ``etc_apt``; return the files.

    ``folder`` becomes apt's ``Dir::Etc::sourceparts``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in source_files(etc_apt):
        convert = source_stanzas if path.suffix == ".sources" else source_lines
        text = LATER_RELEASE.sub(RELEASE, convert(path.read_text(errors="replace")))
        if text:
            target = folder / f"source-{path.name}"
            target.write_text(text)
            written.append(target)
    return written


def source_lines(text: str) -> str:
    """Return the ``deb-src`` lines for the ``deb`` lines of a one-line-style file."""
    lines = (ONE_LINE.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())
    return "".join(f"deb-src {line['rest']}\n" for line in lines if line)


def source_stanzas(text: str) -> str:
    """Return the ``Types: deb-src`` stanzas for the enabled ``deb`` stanzas of a deb822-style file."""
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stanzas = re.split(r"\n\s*\n", without_comments.strip())
    return "\n".join(_source_stanza(stanza) for stanza in stanzas if _is_binary(stanza))


def _is_binary(stanza: str) -> bool:
    fields = {match["name"].lower(): match["value"] for match in FIELD.finditer(stanza)}
    return "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").strip().lower() != "no"


def _source_stanza(stanza: str) -> str:
    return re.sub(r"(?im)^types\s*:.*$", "Types: deb-src", stanza) + "\n"
