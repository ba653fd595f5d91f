"""The JSON inside a delivery's body, and the few fields of it that are used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qs

DEEPEST = 64
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class PayloadError(Exception):
    """The body does not match its headers; the text is the rule."""


def parse(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the object that ``body`` holds.

    :param content_type: ``application/json``, or the form type with the JSON in its field ``payload``.
    :raises PayloadError: when it holds no JSON object.
    """
    if media_type(content_type) == FORM:
        body = _form_field(body)
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise PayloadError("the body is not JSON in UTF-8, with numbers of usual size") from None
    if not isinstance(value, dict):
        raise PayloadError("the body is JSON, but not an object")
    if _is_deep(value):
        raise PayloadError(f"the body's JSON is nested more than {DEEPEST} deep")
    return value


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type, without its parameters.

    :raises PayloadError: when it is neither JSON nor a form.
    """
    header = Message()
    header["content-type"] = content_type or "none/none"
    kind = header.get_content_type()
    if kind not in (JSON, FORM):
        raise PayloadError(f"content type {kind[:80]!r} is not supported; send {JSON} or {FORM}")
    return kind


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    """Read a number; one that is too large for a float could not be written as JSON again."""
    if math.isinf(value := float(number)):
        raise ValueError(f"{number[:20]} is too large")
    return value


def _is_deep(value: Any) -> bool:
    """Say whether ``value`` is nested deeper than what can surely be written again."""
    level = [value]
    for _ in range(DEEPEST):
        inside = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for children in inside for child in children if isinstance(child, (dict, list))]
    return bool(level)


def _form_field(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=20)
        (payload,) = fields["payload"]
    except (ValueError, KeyError):
        raise PayloadError("the form has no single field `payload`") from None
    return payload.encode("utf-8", "surrogatepass")


def pick(payload: Mapping[str, Any], path: str) -> Any:
    """Return the value at ``path`` (``repository.full_name``, ``commits.0.id``), or None."""
    value: Any = payload
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def number(payload: Mapping[str, Any], path: str) -> int | None:
    """Return the whole number at ``path``, from 1 to what a column takes; None when there is none."""
    value = pick(payload, path)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value < 2**63 else None


def text(payload: Mapping[str, Any], path: str, limit: int = 255) -> str:
    """Return the string at ``path``, shortened to ``limit`` characters; "" when there is none.

    NUL and halves of surrogate pairs are dropped: no database column takes them.
    """
    value = pick(payload, path)
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:limit]
