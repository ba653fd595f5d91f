"""Jira's answers as errors that say what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from slipway.flow.record import SlipwayError, TransientError

TOLD_LENGTH = 500


@contextmanager
def speaking_to_jira(what: str) -> Iterator[None]:
    """Translate the client's exceptions into our errors.

    :param what: what was being done, for the error.
    :raises TransientError: when Jira is away, overloaded, or fails.
    :raises SlipwayError: when it refuses.
    """
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        told = f"Jira does not {what}: {status} {str(error)[:TOLD_LENGTH]}"
        if status == 429 or status >= 500:
            raise TransientError(told) from error
        raise SlipwayError(f"{told}. {_cure(status)}") from error
    except (requests.RequestException, ValueError) as error:
        raise TransientError(
            f"Jira does not {what}: {type(error).__name__}: {str(error)[:TOLD_LENGTH]}"
        ) from error


def _cure(status: int) -> str:
    if status in (401, 403):
        return (
            "Correct login and password of connection slipway_jira, or give that user rights in the project."
        )
    return "Correct `tickets` in apps.yaml: the project, and an issue type that it has."
