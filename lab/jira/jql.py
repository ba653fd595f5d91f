"""JQL, as far as Slipway asks by it: clauses joined by AND, OR and NOT, and ORDER BY.

https://support.atlassian.com/jira-software-cloud/docs/use-advanced-search-with-jira-query-language-jql/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab.jira.issues import Issue
from lab.jira.jql_fields import ORDERED, matcher
from lab.jira.refusal import Refusal

Test = Callable[[Issue], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>!=|!~|>=|<=|[=~<>(),])|(?P<word>[^\s"'=!~<>(),]+))"""
)
RESERVED = {"and", "or", "not", "in", "is", "empty", "null", "order", "by", "asc", "desc"}
DEEPEST = 50


@dataclass
class _Reader:
    """The words of a query, and how far they are read."""

    tokens: list[tuple[str, bool]]
    """Text, and whether it was quoted."""
    at: int = 0
    depth: int = field(default=0)

    def peek(self) -> str:
        """Return the next word or sign, in lower case; "" at the end, and for a quoted text."""
        if self.at >= len(self.tokens):
            return ""
        text, quoted = self.tokens[self.at]
        return "" if quoted else text.lower()

    def take(self, *expected: str) -> bool:
        """Read these words when they come next."""
        start = self.at
        for word in expected:
            if self.peek() != word:
                self.at = start
                return False
            self.at += 1
        return True

    def value(self, what: str) -> str:
        """Read a field's name, or an operand."""
        if self.at >= len(self.tokens):
            raise wrong(f"Expecting {what} but reached the end of the query.")
        text, quoted = self.tokens[self.at]
        if not quoted and (text.lower() in RESERVED or not re.match(r"[\w*.@/:-]", text)):
            raise wrong(f"Expecting {what} but got '{text}'.")
        self.at += 1
        return text


def wrong(message: str) -> Refusal:
    """Return the refusal of a query that cannot be read."""
    return Refusal(400, f"Error in the JQL Query: {message}")


def search(query: str, issues: Sequence[Issue]) -> list[Issue]:
    """Return the issues that a query finds, in its order; the newest first when it names none.

    :raises Refusal: 400 when it breaks a rule, or names what is not there.
    """
    reader = _Reader(_tokens(query))
    everything = reader.at == len(reader.tokens) or reader.peek() == "order"
    test: Test = (lambda _: True) if everything else _any(reader)
    return _ordered(reader, [issue for issue in issues if test(issue)])


def _tokens(query: str) -> list[tuple[str, bool]]:
    tokens, at = [], 0
    query = query.rstrip()
    while at < len(query):
        if (found := _TOKEN.match(query, at)) is None:
            raise wrong(f"The character '{query[at:].lstrip()[:1]}' at position {at + 1} is unexpected.")
        if (quoted := found["quoted"]) is not None:
            tokens.append((re.sub(r"\\(.)", r"\1", quoted[1:-1]), True))
        else:
            tokens.append((found["sign"] or found["word"], False))
        at = found.end()
    return tokens


def _any(reader: _Reader) -> Test:
    tests = [_all(reader)]
    while reader.take("or"):
        tests.append(_all(reader))
    return lambda issue: any(test(issue) for test in tests)


def _all(reader: _Reader) -> Test:
    tests = [_one(reader)]
    while reader.take("and"):
        tests.append(_one(reader))
    return lambda issue: all(test(issue) for test in tests)


def _one(reader: _Reader) -> Test:
    reader.depth += 1
    if reader.depth > DEEPEST:
        raise wrong("The query is nested too deeply.")
    try:
        if reader.take("not"):
            test = _one(reader)
            return lambda issue: not test(issue)
        if reader.take("("):
            test = _any(reader)
            if not reader.take(")"):
                raise wrong("Expecting ')' before the end of the query.")
            return test
        return _clause(reader)
    finally:
        reader.depth -= 1


def _clause(reader: _Reader) -> Test:
    name = reader.value("a field name")
    if reader.take("not", "in"):
        return matcher(name, "not in", _list(reader))
    if reader.take("in"):
        return matcher(name, "in", _list(reader))
    if reader.take("is"):
        operator = "is not" if reader.take("not") else "is"
        if not (reader.take("empty") or reader.take("null")):
            raise wrong(f"Expecting EMPTY after '{operator}'.")
        return matcher(name, operator, [])
    operator = reader.peek()
    if operator not in ("=", "!=", "~", "!~", ">", ">=", "<", "<="):
        raise wrong(f"Expecting operator after '{name}' but got '{operator or 'the end of the query'}'.")
    reader.at += 1
    return matcher(name, operator, [reader.value("a value")])


def _list(reader: _Reader) -> list[str]:
    if not reader.take("("):
        raise wrong("Expecting '(' after IN.")
    values = [reader.value("a value")]
    while reader.take(","):
        values.append(reader.value("a value"))
    if not reader.take(")"):
        raise wrong("Expecting ')' after the list of values.")
    return values


def _ordered(reader: _Reader, found: list[Issue]) -> list[Issue]:
    keys: list[tuple[str, bool]] = []
    if reader.take("order", "by"):
        while True:
            name = reader.value("a field name").lower()
            if name not in ORDERED:
                raise Refusal(400, f"Not able to sort using field '{name}'.")
            descending = reader.take("desc")
            if not descending:
                reader.take("asc")
            keys.append((name, descending))
            if not reader.take(","):
                break
    if reader.at < len(reader.tokens):
        raise wrong(f"Expecting either 'OR' or 'AND' but got '{reader.tokens[reader.at][0]}'.")
    for name, descending in reversed(keys or [("created", True)]):
        found = sorted(found, key=ORDERED[name], reverse=descending)
    return found
