"""The query ``tree``: which fields of a JSON document are shown.

``jobs[name,url],builds[number,actions[parameters[name,value]]]{0,20}``; ``_class`` is always shown.
https://www.jenkins.io/doc/book/using/remote-access-api/#RemoteaccessAPI-Thetreequeryparameter
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lab.jenkins.refusal import Refusal

_TOKEN = re.compile(r"\s*(?:([\w*]+)|([\[\],])|\{(\d*),(\d*)\})")


@dataclass
class Fields:
    """What is shown of an object; without any, all of it."""

    names: dict[str, Fields] = field(default_factory=dict)
    span: slice = field(default_factory=lambda: slice(None))

    def of(self, value: Any) -> Any:
        """Return what is shown of ``value``."""
        if isinstance(value, list):
            return [self.of(one) for one in value[self.span]]
        if not isinstance(value, dict) or not self.names:
            return value
        if "*" in self.names:
            return value
        kept = {name: value[name] for name in ("_class",) if name in value}
        return kept | {name: below.of(value[name]) for name, below in self.names.items() if name in value}


def parse(text: str) -> Fields:
    """Read a query.

    :raises Refusal: 400 when it is none.
    """
    root = Fields()
    open_, last, position = [root], root, 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise Refusal(400, f"tree cannot be read at {text[position:][:20]!r}")
        name, sign, first, end = token.groups()
        if name:
            last = open_[-1].names.setdefault(name, Fields())
        elif sign == "[":
            open_.append(last)
        elif sign == "]" and len(open_) > 1:
            last = open_.pop()
        elif first is not None:
            last.span = slice(int(first or 0), int(end) if end else None)
        position = token.end()
    if len(open_) > 1:
        raise Refusal(400, "tree has too many [")
    return root
