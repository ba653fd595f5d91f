"""The fields that JQL knows here: which operators each has, and which values there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.jira.issues import Issue
from lab.jira.projects import CATEGORIES, PROJECTS
from lab.jira.refusal import Refusal

_EQUAL = frozenset({"=", "!=", "in", "not in"})
_EMPTY = frozenset({"is", "is not"})
_NEGATIVE = frozenset({"!=", "not in", "!~"})


@dataclass(frozen=True)
class _Field:
    """How a field's values are read from an issue, and which may be asked for."""

    values: Callable[[Issue], list[str]]
    operators: frozenset[str]
    known: frozenset[str] | None = None
    """In lower case; None when any text may be asked for."""


def _words(*names: str) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


_STATUSES = _words(*(status.name for project in PROJECTS.values() for status in project.statuses))
_FIELDS: Mapping[str, _Field] = {
    "project": _Field(
        lambda issue: [issue.project.key, issue.project.name, issue.project.id],
        _EQUAL | _EMPTY,
        _words(*(word for one in PROJECTS.values() for word in (one.key, one.name, one.id))),
    ),
    "labels": _Field(lambda issue: list(issue.fields.get("labels") or ()), _EQUAL | _EMPTY),
    "status": _Field(lambda issue: [issue.status.name], _EQUAL | _EMPTY, _STATUSES),
    "statuscategory": _Field(
        lambda issue: [issue.status.category, CATEGORIES[issue.status.category][1]],
        _EQUAL | _EMPTY,
        _words(*CATEGORIES, *(name for _, name in CATEGORIES.values())),
    ),
    "issuetype": _Field(
        lambda issue: [kind.name] if (kind := issue.project.type(issue.fields["issuetype"])) else [],
        _EQUAL | _EMPTY,
        _words(*(kind.name for one in PROJECTS.values() for kind in one.types)),
    ),
    "key": _Field(lambda issue: [issue.key], _EQUAL),
    "summary": _Field(lambda issue: [str(issue.fields["summary"])], frozenset({"~", "!~"}) | _EMPTY),
}
_ALIASES = {"type": "issuetype", "issuekey": "key", "issue": "key"}

ORDERED: Mapping[str, Callable[[Issue], Any]] = {
    "created": lambda issue: issue.id,
    "key": lambda issue: (issue.project.key, issue.number),
    "updated": lambda issue: str(issue.fields["updated"]),
    "status": lambda issue: issue.status.name,
}


def matcher(name: str, operator: str, operands: Sequence[str]) -> Callable[[Issue], bool]:
    """Return the test of one clause.

    :raises Refusal: 400 when there is no such field, operator or value.
    """
    folded = name.lower()
    if (field := _FIELDS.get(_ALIASES.get(folded, folded))) is None:
        raise Refusal(400, f"Field '{name}' does not exist or you do not have permission to view it.")
    if operator not in field.operators:
        raise Refusal(400, f"The operator '{operator}' is not supported by the '{name}' field.")
    for operand in operands:
        if field.known is not None and operand.lower() not in field.known:
            raise Refusal(400, f"The value '{operand}' does not exist for the field '{name}'.")
    wanted = [operand.lower() for operand in operands]

    def test(issue: Issue) -> bool:
        values = [value.lower() for value in field.values(issue)]
        if operator in _EMPTY:
            return bool(values) is (operator == "is not")
        if operator in ("~", "!~"):
            hit = any(word in value for word in wanted for value in values)
        else:
            hit = any(word in values for word in wanted)
        # As in Jira, an issue without a value is not found by what it is not.
        return bool(values) and not hit if operator in _NEGATIVE else hit

    return test
