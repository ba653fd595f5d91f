"""AQL's criteria as an SQL condition: https://docs.jfrog.com/artifactory/docs/aql-search-criteria.

Names and operators come from the tables here and in :mod:`lab.artifactory.aql_fields`; what the query says
is handed to SQLite as values only. A negative operator on a property finds items that have no such property
with that value, also those without the property.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lab.artifactory import clock
from lab.artifactory.aql_fields import SEARCHABLE, Field
from lab.artifactory.item_path import ItemPath
from lab.artifactory.refusal import Refusal

Value = str | int
Condition = tuple[str, list[Value]]

_COMPARISONS = {"$eq": "=", "$ne": "IS NOT", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_PATTERNS = {"$match": "GLOB", "$nmatch": "NOT GLOB"}
_SPANS = {"$last": ">=", "$before": "<="}
_NEGATIVE = {"$ne": "$eq", "$nmatch": "$match"}
_MOST = 200  # criteria; SQLite takes expressions of depth 1000


class Object(list[tuple[str, Any]]):
    """A JSON object as its pairs: in AQL a key may come twice."""


def condition(criteria: list[Object]) -> Condition:
    """Return the condition that all of ``criteria`` are met; only files are meant where no type is named.

    :raises Refusal: 400 when a criterion is none.
    """
    if sum(1 for _ in _names(criteria)) > _MOST:
        raise Refusal(400, f"A query may have at most {_MOST} criteria; ask in several queries.")
    found = [_object(one) for one in criteria]
    if "type" not in _names(criteria):
        found.append(("i.type = 'file'", []))
    return _joined("AND", found)


def within(criteria: list[Object]) -> ItemPath | None:
    """Return where all that meets ``criteria`` is; None when they name no repository."""
    pairs = [pair for one in criteria for pair in one]
    repositories = [value for name, value in pairs if name == "repo" and isinstance(value, str)]
    if not repositories:
        return None
    patterns = [value for name, value in pairs if name == "path" and isinstance(value, Object)]
    folders = [
        re.split(r"[*?]", given)[0].rpartition("/")[0]
        for pattern in patterns
        for operator, given in pattern
        if operator == "$match" and isinstance(given, str)
    ]
    return ItemPath(repositories[0], max(folders, key=len, default=""))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, Object):
        for name, below in node:
            yield name
            yield from _names(below)
    elif isinstance(node, list):
        for below in node:
            yield from _names(below)


def _object(pairs: Object) -> Condition:
    return _joined("AND", [_criterion(name, value) for name, value in pairs])


def _criterion(name: str, value: Any) -> Condition:
    if name in ("$and", "$or"):
        if not isinstance(value, list) or not value or not all(isinstance(one, Object) for one in value):
            raise Refusal(400, f"'{name}' takes a list of objects.")
        return _joined(name[1:].upper(), [_object(one) for one in value])
    comparisons = value if isinstance(value, Object) else [("$eq", value)]
    if not comparisons:
        raise Refusal(400, f'No comparison for \'{name[:80]}\'; expected for example {{"$eq": "..."}}.')
    if name.startswith("@") and len(name) > 1:
        return _joined("AND", [_property(name[1:], operator, given) for operator, given in comparisons])
    if (field := SEARCHABLE.get(name)) is None:
        known = ", ".join((*SEARCHABLE, "@<property>", "$and", "$or"))
        raise Refusal(400, f"Unknown field '{name[:80]}' of an item; this server knows {known}.")
    return _joined("AND", [_field(name, field, operator, given) for operator, given in comparisons])


def _field(name: str, field: Field, operator: str, given: Any) -> Condition:
    if name == "type" and (operator, given) == ("$eq", "any"):
        return "1", []
    return _compare(field, operator, given)


def _property(name: str, operator: str, given: Any) -> Condition:
    value = Field("p.value", "text", lambda item: item)
    wanted = _NEGATIVE.get(operator, operator)
    parts: list[Condition] = [("p.item = i.id", [])]
    if name != "*":
        parts.append(("p.key = ?", [name]))
    if (wanted, given) != ("$eq", "*"):
        parts.append(_compare(value, wanted, given))
    inside, values = _joined("AND", parts)
    exists = "NOT EXISTS" if operator in _NEGATIVE else "EXISTS"
    return f"{exists} (SELECT 1 FROM properties p WHERE {inside})", values  # noqa: S608


def _compare(field: Field, operator: str, given: Any) -> Condition:
    if given is None and operator in ("$eq", "$ne"):
        return f"{field.column} IS {'NOT ' * (operator == '$ne')}NULL", []
    if isinstance(given, (bool, list)) or not isinstance(given, (str, int)):
        raise Refusal(400, f"'{operator[:20]}' takes a string or a whole number.")
    if operator in _PATTERNS:
        return f"{field.column} {_PATTERNS[operator]} ?", [str(given).replace("[", "[[]")]
    try:
        if operator in _SPANS and field.holds == "time":
            return f"{field.column} {_SPANS[operator]} ?", [clock.ago(str(given))]
        if operator in _COMPARISONS:
            return f"{field.column} {_COMPARISONS[operator]} ?", [_value(field, given)]
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"'{str(given)[:80]}' cannot be compared: {error}") from None
    known = ", ".join((*_COMPARISONS, *_PATTERNS, *(_SPANS if field.holds == "time" else ())))
    raise Refusal(400, f"Unknown operator '{operator[:20]}'; it must be one of {known}.")


def _value(field: Field, given: str | int) -> Value:
    if field.holds == "number":
        number = int(given)
        if abs(number) >= 2**63:
            raise ValueError("it is too large")
        return number
    return clock.text(clock.parse(str(given))) if field.holds == "time" else str(given)


def _joined(by: str, parts: list[Condition]) -> Condition:
    if not parts:
        return "1", []
    return f"({f' {by} '.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]
