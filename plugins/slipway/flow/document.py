"""A document that people write (``slipway.yaml``, ``apps.yaml``): bytes to a validated record.

The bytes come from repositories that are not trusted: see :mod:`slipway.flow.document_tree` for what is
read at all. Every broken rule is reported with its line, field and cure.
"""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from slipway.flow.document_errors import complaints
from slipway.flow.document_tree import MAX_BYTES, BrokenDocumentError, read
from slipway.flow.record import Record, SlipwayError

__all__ = ["MAX_BYTES", "DocumentError", "load"]

SHOWN = 20

R = TypeVar("R", bound=Record)


class DocumentError(SlipwayError):
    """A document breaks rules: a line of text each, ``file:line: field: rule; cure``."""


def load(data: bytes, model: type[R], filename: str) -> R:
    """Read ``data`` as the YAML of a ``model``.

    :param data: the file, at most :data:`MAX_BYTES`.
    :param filename: what the errors call it.
    :raises DocumentError: when it is no such document.
    """
    try:
        root = read(data)
    except BrokenDocumentError as error:
        place = f"{filename}:{error.line}" if error.line else filename
        raise DocumentError(f"{place}: {error.rule}.") from None
    if not isinstance(root.value, dict):
        raise DocumentError(f"{filename}:{root.line}: must be a mapping: one `field: value` a line.")
    try:
        return model.model_validate_json(json.dumps(root.value), strict=True)
    except ValidationError as error:
        found = complaints(error, root, model)
    lines = [
        f"{filename}:{one.line}: {f'{one.field}: ' if one.field else ''}{one.text}" for one in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        lines.append(f"{filename}: and {len(found) - SHOWN} more; correct these first")
    raise DocumentError("\n".join(lines))
