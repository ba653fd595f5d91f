"""Words that this project's prose does not use: they read as translated, or mean two things.

Prose is all of a page, and the strings, docstrings and comments of a module. Names are not prose: what stands
in the braces of an f-string, or in double backticks.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
ROOMS = ("plugins", "dags", "lab", "docs")
NAMES = re.compile(r"\{[^{}]*\}|``[^`]*``")
PROSE = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}

STRUCK = {
    "of no image": (r"\bsays? of no \w+ (that|how)\b", "reported no image artifact"),
    "come to be": (r"\bcome to be what\b", "reach the requested state"),
    "cannot be heard": (r"\bcannot be heard\b|\blooking after it\b", "notification unavailable; polling"),
    "gone on with": (r"\b(go|goes|gone|going|went) on with\b", "resumed, continued"),
    "wants to know": (r"\bwants? to know of\b|\bnobody of\b", "has no notification"),
    "is none of": (r"\bis none of \w+'s:|\bmeans nothing until\b", "does not exist; ignored"),
    "keeper": (r"\bkeeper's\b", "the host's administrator"),
    "it is so": (r"\b0 it is so\b|\bcould not be asked\b", "success, check failed, could not run"),
    "told": (r"\btold\b", "reported, notified, recorded"),
    "nobody's": (r"\bnobody's\b", "orphaned"),
    "for good": (r"\bfor good\b", "kept"),
    "such a": (r"\bsuch an?\b", "that, this kind of"),
}
"""Pattern, and what to write instead."""


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that people read, with their numbers."""
    if path.suffix == ".md":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type in PROSE:
            yield from enumerate(NAMES.sub("", token.string).splitlines(), token.start[0])


def files() -> Iterator[Path]:
    """Yield the modules and pages whose words are held."""
    yield CHECKOUT / "README.md"
    for room in ROOMS:
        for path in sorted((CHECKOUT / room).rglob("*")):
            if path.suffix in (".py", ".md"):
                yield path


def found(pattern: str) -> list[str]:
    """Return where a pattern is in the prose."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in files()
        if wanted.search(path.read_text())
        for number, line in prose(path)
        if wanted.search(line)
    ]


@pytest.mark.parametrize("word", STRUCK)
def test_struck_words_stay_out(word: str) -> None:
    pattern, instead = STRUCK[word]
    assert found(pattern) == [], f"write instead: {instead}"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('told = 1\nprint(f"{told} and more")\n', []),
        ('def f():\n    """Return what is\n    told."""\n', [3]),
        ("known = 1  # told by the sender\n", [1]),
        ('"""See ``told`` of the class."""\n', []),
    ],
)
def test_names_are_no_prose(text: str, lines: list[int], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert [number for number, line in prose(path) if re.search(r"\btold\b", line)] == lines
