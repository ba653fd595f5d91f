"""How properties are written in a query, and what their names may be.

https://jfrog.com/help/r/jfrog-rest-apis/set-item-properties
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lab.artifactory.refusal import Refusal

Properties = dict[str, tuple[str, ...]]

_FORBIDDEN = frozenset(")(}{][*+^$\\/~`!@#%&<>;=,±§ ")
_MAX_NAME = 255
_MAX_VALUE = 2400


def parse(text: str) -> Properties:
    """Read ``name=value[,value][;name=value]``; a backslash before a special character makes it plain.

    :raises Refusal: 400 when a property has no value or a name that is not allowed.
    """
    return checked(dict(_pair(one) for one in _split(text, ";|") if one))


def names(text: str) -> list[str]:
    """Read ``name[,name]``."""
    return [_plain(name) for name in _split(text, ",") if name]


def from_pairs(pairs: Iterable[tuple[str, str]]) -> Properties:
    """Gather the values of each name (matrix parameters repeat it).

    :raises Refusal: 400 when a name is not allowed.
    """
    found: Properties = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return checked(found)


def from_json(given: Any) -> tuple[Properties, list[str]]:
    """Read ``{"props": {name: value | [value] | null}}``: what to set, and which names to remove.

    :raises Refusal: 400 when it has another shape or a name that is not allowed.
    """
    props = given.get("props") if isinstance(given, Mapping) else None
    if not isinstance(props, Mapping):
        raise Refusal(400, 'Bad request: a JSON object {"props": {"name": "value"}} is expected.')
    wanted: Properties = {}
    for name, value in props.items():
        values = value if isinstance(value, list) else [value]
        if value is not None and not all(isinstance(one, str) for one in values):
            raise Refusal(400, f"Bad request: property '{name}' must be a string, a list of strings or null.")
        wanted[name] = () if value is None else tuple(values)
    checked(wanted)
    return {k: v for k, v in wanted.items() if v}, [k for k, v in wanted.items() if not v]


def checked(properties: Properties) -> Properties:
    """Return ``properties`` when their names and values are allowed.

    :raises Refusal: 400 when one is not.
    """
    for name, values in properties.items():
        bad = sorted(_FORBIDDEN & set(name))
        if not name or bad or len(name) > _MAX_NAME or not name.isprintable():
            why = f"has '{bad[0]}'" if bad else f"is not of 1 to {_MAX_NAME} printable characters"
            raise Refusal(400, f"Illegal property name '{name[:80]}': it {why}.")
        if any(len(value) > _MAX_VALUE for value in values):
            raise Refusal(400, f"Property '{name}' is longer than {_MAX_VALUE} characters.")
    return properties


def _pair(text: str) -> tuple[str, tuple[str, ...]]:
    name, *rest = _split(text, "=", at_most=1)
    if not rest:
        raise Refusal(400, f"Property '{name[:80]}' has no value; expected name=value.")
    return _plain(name), tuple(_plain(value) for value in _split(rest[0], ","))


def _split(text: str, separators: str, at_most: int | None = None) -> list[str]:
    """Split at separators that no backslash precedes; escapes stay."""
    parts: list[str] = []
    current = ""
    for escaped, character in _characters(text):
        if not escaped and character in separators and at_most != len(parts):
            parts.append(current)
            current = ""
        else:
            current += f"\\{character}" if escaped else character
    return [*parts, current]


def _plain(text: str) -> str:
    return "".join(character for _, character in _characters(text))


def _characters(text: str) -> Iterator[tuple[bool, str]]:
    escaped = False
    for character in text:
        if escaped or character != "\\":
            yield escaped, character
            escaped = False
        else:
            escaped = True
    if escaped:
        yield False, "\\"
