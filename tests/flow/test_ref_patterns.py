"""Patterns of refs are read as GitHub reads them, in bounded time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.flow.apps import Apps
from slipway.flow.ref_patterns import check, check_order, is_one_ref, takes


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("release/*", ["release/a", "release/"], ["release/a/b", "release"]),
        ("release/**", ["release/a", "release/a/b"], ["release", "released"]),
        (
            "release/**/fix",
            ["release/fix", "release/a/fix", "release/a/b/fix"],
            ["release/afix", "release/a"],
        ),
        ("**", ["a", "a/b"], []),
        ("v**x", ["vx", "v1/x", "v/1/x"], ["v1"]),
        ("v?", ["v1"], ["v", "v12", "v/"]),
        ("v[0-9].[!0-8]", ["v1.9", "v1.x"], ["vx.9", "v1.8", "v1./"]),
        ("v[^0-8]", ["v9"], ["v1", "v/"]),
        ("v[]x-]", ["v]", "vx", "v-"], ["vy"]),
        ("v[+--]", ["v+", "v,", "v-"], ["v/", "v."]),
        ("a+b", ["a+b"], ["ab", "aab"]),
        ("a.b", ["a.b"], ["axb"]),
        ("Main", ["Main"], ["main"]),
    ],
)
def test_one_pattern(pattern: str, taken: list[str], left: list[str]) -> None:
    found = {ref: takes([f"refs/heads/{pattern}"], f"refs/heads/{ref}") for ref in (*taken, *left)}
    assert found == dict.fromkeys(taken, True) | dict.fromkeys(left, False)


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ["refs/heads/**", "!refs/heads/wip/**", "refs/heads/wip/keep"]
    refs = ("refs/heads/main", "refs/heads/wip/a/b", "refs/heads/wip/keep")
    assert [takes(patterns, ref) for ref in refs] == [True, False, True]
    assert not takes([*patterns, "!refs/heads/wip/*"], "refs/heads/wip/keep")
    assert not takes([], "refs/heads/main")


@pytest.mark.parametrize(
    "ref", ["gh-readonly-queue/main/pr-1-abc", "mergify/merge-queue/0a1b", "trunk-merge/pr-7/0a1b"]
)
def test_branches_of_merge_queues_are_left_out_unless_a_pattern_names_them(ref: str) -> None:
    queue = ref.partition("/")[0]
    for pattern in (
        "refs/heads/**",
        "refs/heads/*/**",
        f"refs/heads/{queue}**",
        f"refs/heads/[{queue[0]}]**",
    ):
        assert not takes([pattern], f"refs/heads/{ref}")
    named = f"refs/heads/{ref[: ref.rindex('/') + 1]}**"
    assert takes(["refs/heads/**", named], f"refs/heads/{ref}")
    assert not takes([named, f"!refs/heads/{queue}/**"], f"refs/heads/{ref}")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("refs/heads/[a", r"has a `\[` without its `\]`: close it"),
        ("refs/heads/[]", r"has a `\[` without its `\]`"),
        ("!refs/heads/[!]", r"has a `\[` without its `\]`"),
        ("refs/heads/[z-a]", "has the range z-a, which is empty: write a-z"),
        ("refs/heads/[a/]", "where it never matches"),
        (r"refs/heads/a\*", "is in no ref, so .* takes none: take it out"),
        ("refs/heads/a:b", "is in no ref"),
    ],
)
def test_a_pattern_that_can_match_nothing_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(pattern)
    with pytest.raises(ValidationError, match=said):
        apps("refs/heads/main", pattern)


def test_an_exclusion_comes_after_what_it_is_an_exception_to() -> None:
    for patterns in (["!refs/heads/a"], ["!refs/heads/a", "refs/heads/**"]):
        with pytest.raises(
            ValidationError, match="begins with the exclusion !refs/heads/a, which has no effect"
        ):
            apps(*patterns)
    check_order(["refs/heads/**", "!refs/heads/a"])


def apps(*refs: str) -> Apps:
    environment = {"refs": refs, "namespace": "a"}
    application = {"tenant": "t", "environments": {"production": environment}}
    return Apps.from_json({"version": 1, "applications": {"a/b": application}})


def test_named_refs_are_those_that_are_taken_by_their_names() -> None:
    found = apps("refs/heads/main", "refs/heads/old", "refs/tags/v*", "refs/tags/last", "!refs/heads/old")
    assert found.named_refs == ("refs/heads/main", "refs/tags/last")
    assert found.get("a/b").rebuilt_refs == ("refs/heads/main",)
    assert not is_one_ref("!refs/heads/main")


HOSTILE = [
    "*a" * 60 + "*b",
    "**/a/" * 40 + "b",
    "**a" * 60 + "**b",
    "*" * 240,
    "**/" * 80 + "*b",
    "[ab]*" * 48 + "c",
    "?*" * 120 + "b",
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda text: text[:6])
@pytest.mark.parametrize("ref", ["a" * 500, "a/" * 250], ids=["long", "deep"])
def test_no_pattern_costs_more_than_its_length_times_the_refs(pattern: str, ref: str) -> None:
    began = time.process_time()
    takes([f"refs/heads/{pattern}"], f"refs/heads/{ref}")
    assert time.process_time() - began < 2  # some 0.1 s; by a regular expression: years


PARTS = ["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "**/", "/**/", "x/**/"]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), st.text("abx/", max_size=8))
def test_a_pattern_matches_what_a_regular_expression_of_its_words_does(pattern: str, ref: str) -> None:
    assert takes([f"refs/heads/{pattern}"], f"refs/heads/{ref}") is bool(
        re.fullmatch(expression(f"refs/heads/{pattern}"), f"refs/heads/{ref}")
    )


def expression(pattern: str) -> str:
    """Word a pattern as a regular expression, by what the documentation says of each sign."""
    words = {"**": ".*", "*": "[^/]*", "?": "[^/]", "[ab]": "[ab]", "[!a]": "[^a/]", "/**/": "/(?:.*/)?"}
    # `/**/` may share its slashes with another one before it.
    found = re.split(r"((?<=/)\*\*/|\*\*|\*|\?|\[!?\w+\])", pattern)
    words["**/"] = "(?:.*/)?"
    return "".join(words.get(part, re.escape(part)) for part in found)


@given(
    st.lists(st.sampled_from(["**", "a", "a*", "!**", "!a", "!*b"]), max_size=6), st.text("ab/", max_size=4)
)
def test_a_list_takes_what_its_last_match_says(words: list[str], ref: str) -> None:
    patterns = [f"!refs/heads/{word[1:]}" if word[0] == "!" else f"refs/heads/{word}" for word in words]
    name, expected = f"refs/heads/{ref}", False
    for pattern in patterns:
        if takes([pattern.removeprefix("!")], name):
            expected = not pattern.startswith("!")
    assert takes(patterns, name) is expected
