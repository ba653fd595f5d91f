"""Which images a Dockerfile builds upon, and the same Dockerfile with them pinned by digest. Pure.

https://docs.docker.com/reference/dockerfile/#from
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from dockerfile_parse import DockerfileParser

from slipway.docker.errors import DockerfileError

_FROM = re.compile(r"^(?P<options>(?:--\S+\s+)*)(?P<image>\S+)(?:\s+(?:[Aa][Ss])\s+(?P<stage>\S+))?\s*$")
_COPY_FROM = re.compile(r"^(?P<before>(?:--\S+\s+)*)--from=(?P<image>\S+)")
_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::(?P<sign>[-+])(?P<word>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*))"
)


@dataclass(frozen=True)
class BaseLine:
    """One line that names a foreign image."""

    first: int
    last: int
    """Lines of the instruction, from 1."""
    image: str
    """The image's name, its arguments filled in."""
    pinned: str
    """The instruction with ``{image}`` where the name stood."""


def base_lines(content: bytes, arguments: Mapping[str, str], filename: str) -> list[BaseLine]:
    """Return every line that names an image which is neither a stage nor ``scratch``.

    :param arguments: build arguments; they win over the defaults of ``ARG`` before the first ``FROM``.
    :raises DockerfileError: when there is no ``FROM``, or a name cannot be worked out.
    """
    found: list[BaseLine] = []
    stages: list[str] = []
    known: dict[str, str] = {}
    seen_from = False
    for instruction in _instructions(content, filename):
        kind, line = instruction["instruction"], instruction["startline"] + 1
        if kind == "ARG" and not seen_from:
            known |= _defaults(instruction["value"], known, arguments)
        elif kind == "FROM":
            seen_from = True
            found += _from(instruction, known, stages, f"{filename}:{line}")
        elif kind == "COMMENT":
            continue
        elif not seen_from:
            raise DockerfileError(f"{filename}:{line}: {kind} comes before FROM. Start with FROM (or ARG).")
        elif kind == "COPY":
            found += _copy(instruction, stages)
    if not seen_from:
        raise DockerfileError(f"{filename}: has no FROM. Start it with `FROM image`.")
    return found


def pin(content: bytes, lines: list[BaseLine], references: Mapping[str, str]) -> bytes:
    """Return the Dockerfile with each image replaced by its reference; every line keeps its number.

    What names no foreign image stays byte for byte.

    :param references: by the image's name, where to take it from, by digest.
    """
    text = content.removeprefix(BOM_UTF8).split(b"\n")
    for line in lines:
        ending = b"\r" if text[line.first - 1].endswith(b"\r") else b""
        text[line.first - 1 : line.last] = [ending] * (line.last - line.first + 1)
        text[line.first - 1] = line.pinned.replace("{image}", references[line.image]).encode() + ending
    return b"\n".join(text)


def _instructions(content: bytes, filename: str) -> Iterator[dict[str, Any]]:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise DockerfileError(
            f"{filename}: is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    # docker too skips the byte order mark that some editors write.
    parser = DockerfileParser(fileobj=BytesIO(content.removeprefix(BOM_UTF8)), env_replace=False)
    yield from parser.structure


def _from(
    instruction: dict[str, Any], known: Mapping[str, str], stages: list[str], where: str
) -> Iterator[BaseLine]:
    parts = _FROM.match(instruction["value"])
    if parts is None:
        raise DockerfileError(f"{where}: is not `FROM [--platform=...] image [AS stage]`.")
    image = _substitute(parts["image"], known, where)
    if image != "scratch" and image.lower() not in stages:
        options = "".join(f"{option} " for option in parts["options"].split())
        ending = f" AS {parts['stage']}" if parts["stage"] else ""
        yield BaseLine(
            first=instruction["startline"] + 1,
            last=instruction["endline"] + 1,
            image=image,
            pinned=f"FROM {options}{{image}}{ending}",
        )
    stages.append((parts["stage"] or "").lower())


def _copy(instruction: dict[str, Any], stages: list[str]) -> Iterator[BaseLine]:
    source = _COPY_FROM.match(instruction["value"])
    if source is None or source["image"].lower() in (*stages, *map(str, range(len(stages)))):
        return
    value = _COPY_FROM.sub(r"\g<before>--from={image}", instruction["value"], count=1)
    yield BaseLine(
        first=instruction["startline"] + 1,
        last=instruction["endline"] + 1,
        image=source["image"],
        pinned=f"{instruction['instruction']} {value}",
    )


def _defaults(value: str, known: Mapping[str, str], arguments: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for word in value.split():
        name, equals, default = word.partition("=")
        if name in arguments:
            found[name] = arguments[name]
        elif equals:
            found[name] = _substitute(default.strip("\"'"), {**known, **found}, name)
    return found


def _substitute(text: str, known: Mapping[str, str], where: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if match["sign"] == "-":
            return known.get(name) or match["word"]
        if match["sign"] == "+":
            return match["word"] if known.get(name) else ""
        if name not in known:
            raise DockerfileError(
                f"{where}: {text} needs the argument {name}, which has no value before the first FROM. "
                f"Write `ARG {name}=default` there, or give it in slipway.yaml under container.args."
            )
        return known[name]

    return _VARIABLE.sub(value, text.strip("\"'"))
