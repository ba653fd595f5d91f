"""YAML bytes to plain values that know their lines.

Only what a configuration file needs is read, so that no document can cost more than its size: no
anchors, aliases, merge keys or tags, no duplicate keys, limited depth. Plain scalars are read by YAML
1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), as editors read them: ``no`` and ``on``
are strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?")


class BrokenDocumentError(Exception):
    """The text breaks ``rule`` at ``line`` (from 1; 0 when it is the document as a whole)."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line = line
        self.rule = rule


@dataclass(slots=True)
class DocumentNode:
    """A value, the line it starts on, and the nodes inside it by key or index."""

    value: Value
    line: int
    inside: dict[str | int, DocumentNode] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)


def read(data: bytes) -> DocumentNode:
    """Read one document.

    :raises BrokenDocumentError: when it breaks a rule of this module, or is no YAML.
    """
    roots = read_all(data)
    if not roots:
        raise BrokenDocumentError(0, "is empty. Write at least `version: 1`")
    if len(roots) > 1:
        raise BrokenDocumentError(roots[1].line, "starts a second document; a file holds one. Remove it")
    return roots[0]


def read_all(data: bytes) -> list[DocumentNode]:
    """Read every document of a file.

    :raises BrokenDocumentError: when one breaks a rule of this module, or is no YAML.
    """
    if len(data) > MAX_BYTES:
        raise BrokenDocumentError(
            0, f"is {len(data)} bytes; at most {MAX_BYTES} are read. Take out what is not needed"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BrokenDocumentError(
            line, f"byte {error.start + 1} is not UTF-8. Save the file as UTF-8"
        ) from None
    try:
        return _documents(yaml.parse(text, Loader=_PARSER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise BrokenDocumentError(
            line, f"is not YAML here: {error.problem}. Check indentation, quotes and colons"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise BrokenDocumentError(line, "has a character that YAML does not allow. Take it out") from None


def _documents(events: Iterator[yaml.Event]) -> list[DocumentNode]:
    return [_node(event, events, 1) for event in events if isinstance(event, yaml.NodeEvent)]


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 0


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> DocumentNode:
    _refuse_indirection(event)
    if depth > MAX_DEPTH:
        raise BrokenDocumentError(_line(event), f"is nested deeper than {MAX_DEPTH} levels. Flatten it")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(event, events, depth)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(event, events, depth)
    if isinstance(event, yaml.ScalarEvent):
        return DocumentNode(_scalar(event), _line(event))
    raise BrokenDocumentError(_line(event), "has no value here. Write one")


def _refuse_indirection(event: yaml.Event) -> None:
    name = str(getattr(event, "anchor", None) or "")[:40]
    if isinstance(event, yaml.AliasEvent):
        raise BrokenDocumentError(
            _line(event), f"uses the alias *{name}; write the value out, aliases are not read"
        )
    if name:
        raise BrokenDocumentError(_line(event), f"has the anchor &{name}; remove it, anchors are not read")
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        raise BrokenDocumentError(
            _line(event), f"has the tag {event.tag[:40]!r}; remove it, tags are not read"
        )


def _mapping(start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> DocumentNode:
    values: dict[str, Value] = {}
    node = DocumentNode(values, _line(start))
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        key, line = _key(event), _line(event)
        if key in values:
            raise BrokenDocumentError(
                line, f"has the key {key[:60]!r} again (first on line {node.key_lines[key]}). Keep one"
            )
        node.key_lines[key] = line
        node.inside[key] = _node(next(events), events, depth + 1)
        values[key] = node.inside[key].value
    return node


def _key(event: yaml.Event) -> str:
    _refuse_indirection(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise BrokenDocumentError(_line(event), "has a list or mapping as a key. A key is a plain word")
    if event.value == "<<" and _is_plain(event):
        raise BrokenDocumentError(
            _line(event), "has a merge key (<<); write the fields out, merge keys are not read"
        )
    return _text(event)


def _sequence(start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> DocumentNode:
    values: list[Value] = []
    node = DocumentNode(values, _line(start))
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        node.inside[len(values)] = item = _node(event, events, depth + 1)
        values.append(item.value)
    return node


def _is_plain(event: yaml.ScalarEvent) -> bool:
    return event.style in (None, "")


def _text(event: yaml.ScalarEvent) -> str:
    text = str(event.value)
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise BrokenDocumentError(_line(event), "has a string with \\0 or half a surrogate pair. Take it out")
    return text


def _scalar(event: yaml.ScalarEvent) -> Value:
    text = _text(event)
    if not _is_plain(event):
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    return _number(text, _line(event))


def _number(text: str, line: int) -> Value:
    whole, real = _INT.fullmatch(text), _FLOAT.fullmatch(text)
    if (whole or real) and len(text) > 40:
        raise BrokenDocumentError(line, "has a number of more than 40 digits. Put it in quotes if it is text")
    if whole:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if real else text
