"""The report of a failed task: the error with its cure, and its last log lines, without secrets.

It stays in the task's XCom ``account``: whoever tells of the failure needs no login to read logs.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator

from slipway.flow.ended import Account, Cause

KEY = "account"
LINES, LINE_LENGTH, ERROR_LENGTH = 25, 300, 4_000
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class LastLines(logging.Handler):
    """Keeps the last lines that a task logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage()[:LINE_LENGTH])


def account_of(error: BaseException | str | None, lines: Iterator[str] | deque[str]) -> Account:
    """Return the account of a failure.

    :param error: what the task ended with; Airflow hands on a text when it knows no more.
    """
    return Account(
        cause=_cause(error),
        error=clean(_text(error))[:ERROR_LENGTH],
        lines=tuple(clean(line) for line in lines),
    )


def clean(text: str) -> str:
    """Mask what Airflow knows to be secret, and logins in addresses."""
    from airflow.sdk.log import redact

    return _LOGIN.sub("***", str(redact(text)))


def _text(error: BaseException | str | None) -> str:
    if isinstance(error, BaseException):
        return str(error) or type(error).__name__
    return error or "no reason is known"


def _cause(error: BaseException | str | None) -> Cause:
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowTaskTimeout

    from slipway.flow.document import DocumentError
    from slipway.flow.record import SlipwayError, TransientError

    if isinstance(error, AirflowFailException):
        # `from None` hides the error that it was, and keeps it.
        return "spec" if isinstance(error.__context__, DocumentError) else "rule"
    if isinstance(error, TransientError):
        return "outage"
    if isinstance(error, SlipwayError | AirflowNotFoundException):  # a connection is lacking
        return "rule"
    return "timeout" if isinstance(error, AirflowTaskTimeout) else "defect"
