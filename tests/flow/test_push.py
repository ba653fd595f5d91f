"""Pushes and their partition keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.flow.push import PushEvent, parse_partition_key
from slipway.flow.record import SlipwayError

COMMIT = "a1" * 20


def push(**fields: str) -> PushEvent:
    return PushEvent.from_json(
        {"repository": "octo/hello", "ref": "refs/heads/main", "commit": COMMIT} | fields
    )


def test_partition_key_names_repository_commit_and_rebuild() -> None:
    assert push().partition_key == f"octo/hello@{COMMIT}"
    assert push(rebuild="2026-11-23").partition_key == f"octo/hello@{COMMIT}+2026-11-23"


@given(st.from_regex(r"[a-z0-9+@-]{0,40}", fullmatch=True))
def test_partition_key_is_read_back(rebuild: str) -> None:
    assert parse_partition_key(push(rebuild=rebuild).partition_key) == ("octo/hello", COMMIT, rebuild)


@pytest.mark.parametrize("key", ["", "octo/hello", "@abc", "octo/hello@", "octo/hello@+night"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(SlipwayError, match="is not a partition key"):
        parse_partition_key(key)


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        "refs/heads/feature/x.y",
        "refs/heads/$(touch${IFS}x)",
        "refs/heads/a;b|c&d'\"`<>",
        "refs/tags/v1.0",
        "refs/heads/grün",
        "refs/heads/@",
    ],
)
def test_refs_that_git_allows(ref: str) -> None:
    assert push(ref=ref).ref == ref


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "refs/heads/a b",
        "refs/heads/../../x",
        "refs/heads/x.lock",
        "refs/heads/x.lock/y",
        "refs/heads/a//b",
        "refs/heads/.hidden",
        "refs/heads/end.",
        "refs/heads/end/",
        "refs/heads/a~1",
        "refs/heads/a^",
        "refs/heads/a:b",
        "refs/heads/a@{1}",
        "refs/heads/a\\b",
        "refs/heads/a\nb",
        "refs/heads/a\n",
        "refs/heads/" + "x" * 512,
    ],
)
def test_refs_that_git_refuses(ref: str) -> None:
    with pytest.raises(ValidationError, match="must be a valid Git ref"):
        push(ref=ref)


@pytest.mark.parametrize("commit", ["", "main", "a1" * 19, ("a1" * 20).upper(), "a1" * 20 + "\n", "g" * 40])
def test_commit_is_a_full_object_id(commit: str) -> None:
    with pytest.raises(ValidationError, match="full commit id"):
        push(commit=commit)


@pytest.mark.parametrize("repository", ["hello", "../hello", "octo/..", "octo/hello/x", "octo/a b", "-x/y"])
def test_repository_is_owner_and_name(repository: str) -> None:
    with pytest.raises(ValidationError, match="owner/name"):
        push(repository=repository)


def test_key_fits_airflows_columns() -> None:
    longest = {"repository": "o" * 100 + "/" + "n" * 100, "commit": "a" * 40}
    assert len(push(**longest).partition_key) == 242
    with pytest.raises(ValidationError, match="longer than Airflow's 250"):
        push(**longest, rebuild="nightly-2026")
