"""Patterns of refs, read as GitHub reads them in branch protection and in the filters of Actions.

``*`` stays inside one segment, ``**`` crosses segments, ``?`` is one character of a segment, ``[a-z]`` one of
a class, ``!`` at the beginning excludes; of the patterns that match a ref the last one decides.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet

Read in one pass over the ref, which holds all places of the pattern that were reached: the time grows with
the length of the ref times that of the pattern, and never faster. Libraries translate to a regular expression
that tries again from each star (docs/decisions/0039-patterns-of-refs-are-githubs.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

EXCLUDES = "!"
TEMPORARY = ("refs/heads/gh-readonly-queue/", "refs/heads/mergify/merge-queue/", "refs/heads/trunk-merge/")
"""Branches that merge queues make for their own tests, and delete: only a pattern that begins with this text
takes them. https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
and the manuals of Mergify and Trunk."""
NEVER = frozenset("\\^~:")
"""No ref has these: https://git-scm.com/docs/git-check-ref-format"""


@dataclass(frozen=True)
class PatternStep:
    """A part of a pattern."""

    chosen: frozenset[str] | None = None
    """The characters that it matches, or does not match; None for any."""
    negated: bool = False
    repeats: bool = False
    """It matches any number of characters, also none."""
    skips: int = 0
    """It matches no character: the next steps, so many, may be left out together."""

    def matches(self, character: str) -> bool:
        """Say whether it matches a character."""
        if self.skips:
            return False
        return self.chosen is None or (character in self.chosen) is not self.negated


_ANY, _INSIDE, _ONE, _SLASH = (
    PatternStep(repeats=True),
    PatternStep(frozenset("/"), negated=True, repeats=True),
    PatternStep(frozenset("/"), negated=True),
    PatternStep(frozenset("/")),
)


def takes(patterns: Sequence[str], ref: str) -> bool:
    """Say whether a list of patterns takes a ref: the last one that matches it decides.

    :raises ValueError: as :func:`check`.
    """
    for pattern in reversed(patterns):
        if _is_met(pattern, ref):
            return not pattern.startswith(EXCLUDES)
    return False


def is_temporary(ref: str) -> bool:
    """Say whether a merge queue made a branch for itself."""
    return ref.startswith(TEMPORARY)


def is_one_ref(pattern: str) -> bool:
    """Say whether a pattern is the name of one ref that it takes."""
    return not pattern.startswith(EXCLUDES) and not any(sign in pattern for sign in "*?[")


def check(pattern: str) -> None:
    """Check that a pattern can be read, and can match a ref.

    :raises ValueError: with the rule and the cure.
    """
    _steps(pattern.removeprefix(EXCLUDES))


def check_order(patterns: Sequence[str]) -> None:
    """Check that every exclusion has something before it that it is an exception to.

    :raises ValueError: with the rule and the cure.
    """
    if patterns and patterns[0].startswith(EXCLUDES):
        raise ValueError(
            f"begins with the exclusion {patterns[0]}, which has no effect: the last pattern that matches "
            "decides. Write a pattern that takes refs before it, like refs/heads/**"
        )


def _is_met(pattern: str, ref: str) -> bool:
    if not pattern.startswith(EXCLUDES):
        queue = next((start for start in TEMPORARY if ref.startswith(start)), "")
        if not pattern.startswith(queue):
            return False
    steps = _steps(pattern.removeprefix(EXCLUDES))
    places = _reached(steps, {0})
    for character in ref:
        moved = (
            place if steps[place].repeats else place + 1
            for place in places
            if place < len(steps) and steps[place].matches(character)
        )
        if not (places := _reached(steps, set(moved))):
            return False
    return len(steps) in places


def _reached(steps: Sequence[PatternStep], places: set[int]) -> set[int]:
    """Return the places, and those that follow from them without another character."""
    found, new = set(places), list(places)
    while new:
        place = new.pop()
        if place == len(steps) or not (steps[place].repeats or steps[place].skips):
            continue
        following = {place + 1, place + 1 + steps[place].skips} - found
        found |= following
        new += following
    return found


@lru_cache(maxsize=4096)
def _steps(pattern: str) -> tuple[PatternStep, ...]:
    return tuple(_read(pattern))


def _read(pattern: str) -> Iterator[PatternStep]:
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at) and pattern[:at].endswith("/"):
            yield from (PatternStep(skips=2), _ANY, _SLASH)  # a/**/b is a/b, too
            at += 3
        elif pattern.startswith("**", at):
            yield _ANY
            at += 2
        elif pattern[at] == "*":
            yield _INSIDE
            at += 1
        elif pattern[at] == "[":
            step, at = _class(pattern, at)
            yield step
        elif pattern[at] in NEVER:
            raise ValueError(f"{pattern[at]!r} is in no ref, so {pattern} takes none: take it out")
        else:
            yield _ONE if pattern[at] == "?" else PatternStep(frozenset(pattern[at]))
            at += 1


def _class(pattern: str, start: int) -> tuple[PatternStep, int]:
    """Return the class that begins at ``start``, and its end; a first ``]`` is a character of it."""
    at = start + 1
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    end = pattern.find("]", at + 1)
    if end < 0:
        raise ValueError(
            f"{pattern} has a `[` without its `]`: close it, like [0-9]. No ref has a `[` in its name"
        )
    inside, chosen = pattern[at:end], set[str]()
    if "/" in inside:
        raise ValueError(
            f"{pattern} has `/` between `[` and `]`, where it never matches: a class is one character of a "
            "segment. Write the `/` outside"
        )
    while inside:
        first, last = inside[0], inside[2] if len(inside) > 2 and inside[1] == "-" else inside[0]
        if last < first:
            raise ValueError(f"{pattern} has the range {first}-{last}, which is empty: write {last}-{first}")
        chosen.update(map(chr, range(ord(first), ord(last) + 1)))
        inside = inside[3 if len(inside) > 2 and inside[1] == "-" else 1 :]
    # A class is one character of a segment: `/` is never among them.
    return PatternStep(frozenset(chosen | {"/"} if negated else chosen - {"/"}), negated=negated), end + 1
