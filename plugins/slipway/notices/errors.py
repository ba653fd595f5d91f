"""Errors of the channels, named by what the caller does next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slipway.flow.record import SlipwayError, TransientError
from slipway.notices.channels import NoticeChannel


@contextmanager
def sending(channel: NoticeChannel) -> Iterator[None]:
    """Turn what a channel's notifier raises into our errors.

    :raises TransientError: when the far side is away or busy.
    :raises SlipwayError: when it refuses, or there is no such connection.
    """
    try:
        yield
    except Exception as error:
        known = channel.explain(error) or _of_any(error, channel.connection)
        if known is None:
            raise
        raise known from error


def _of_any(error: Exception, connection: str) -> SlipwayError | None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    if isinstance(error, AirflowNotFoundException):
        return SlipwayError(
            f"apps.yaml asks for messages, but there is no connection {connection}. Create it."
        )
    if isinstance(error, ValueError):
        return SlipwayError(f"connection {connection} is incomplete: {error}.")
    if isinstance(error, OSError):
        return TransientError(f"connection {connection} did not accept the message: {error}")
    return None
