"""What a task says when it fails: its cause, and nothing secret."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from airflow.sdk.log import mask_secret

from slipway.flow.document import load
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.spec import BuildSpec
from slipway.listeners.account import ERROR_LENGTH, LINE_LENGTH, LINES, LastLines, account_of
from slipway.pipelines.task_endings import retried_if_worth_it


def spec_error() -> None:
    load(b"version: 1\nname: Not A Name\n", BuildSpec, "slipway.yaml")


def rule() -> None:
    raise SlipwayError("no room. Ask for more")


def outage() -> None:
    raise TransientError("nobody answers")


def defect() -> None:
    raise KeyError("x")


def timeout() -> None:
    raise AirflowTaskTimeout("too long")


@pytest.mark.parametrize("what", [spec_error, rule, outage, defect, timeout])
def test_the_cause_is_known_by_the_error_that_a_task_ends_with(what: Callable[[], None]) -> None:
    with pytest.raises(BaseException) as ended, retried_if_worth_it():  # noqa: PT011
        what()
    assert not isinstance(ended.value, AirflowSkipException)
    assert account_of(ended.value, iter(())).cause == what.__name__.removesuffix("_error")


def test_an_error_comes_with_its_cure_and_a_bounded_length() -> None:
    with pytest.raises(AirflowFailException) as ended, retried_if_worth_it():
        rule()
    assert account_of(ended.value, iter(())).error == "no room. Ask for more"
    assert len(account_of("x" * 10_000, iter(())).error) == ERROR_LENGTH
    assert account_of(None, iter(())).error == "no reason is known"
    assert account_of(KeyError(), iter(())).error == "KeyError"


@pytest.fixture
def kept() -> Iterator[LastLines]:
    handler, root = LastLines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


def test_the_last_lines_are_kept(kept: LastLines) -> None:
    log = logging.getLogger("slipway.test")
    for number in range(LINES + 5):
        log.info("line %d", number)
    log.debug("not this one")
    log.error("x" * 1000)
    assert len(kept.lines) == LINES
    assert kept.lines[-2] == f"line {LINES + 4}"
    assert len(kept.lines[-1]) == LINE_LENGTH


def test_nothing_secret_is_said() -> None:
    mask_secret("s3cret-of-the-test")
    said = account_of(
        "cannot reach https://slipway:pass@example.org/x with s3cret-of-the-test",
        deque(["using s3cret-of-the-test", "git clone https://x-access-token:abc@example.org/a.git"]),
    )
    assert said.error == "cannot reach https://***@example.org/x with ***"
    assert said.lines == ("using ***", "git clone https://***@example.org/a.git")
