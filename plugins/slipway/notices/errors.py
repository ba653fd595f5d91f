"""What mail servers and Slack answer, as errors that say what to do next."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.flow.record import SlipwayError, TransientError

PASSING = ("ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")
"""Slack's errors that pass by themselves (https://api.slack.com/methods/chat.postMessage#errors)."""


@contextmanager
def sending(connection: str) -> Iterator[None]:
    """Turn what a notifier raises into our errors.

    :param connection: that it sends by, for the error.
    :raises TransientError: when the far side is away or busy.
    :raises SlipwayError: when it refuses, or there is no such connection.
    """
    from airflow.sdk.exceptions import AirflowNotFoundException
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        yield
    except AirflowNotFoundException as error:
        raise SlipwayError(
            f"apps.yaml asks for messages, and there is no connection {connection}. Make it."
        ) from error
    except SlackApiError as error:
        reason = str(error.response.get("error", error.response))
        if reason in PASSING or error.response.status_code >= 500:
            raise TransientError(f"Slack does not take the message: {reason}") from error
        raise SlipwayError(
            f"Slack refuses the message: {reason}. Correct the token of connection {connection}, or "
            "`notify.slack` in apps.yaml; the app must be a member of the channel."
        ) from error
    except (
        smtplib.SMTPAuthenticationError,
        smtplib.SMTPRecipientsRefused,
        smtplib.SMTPSenderRefused,
    ) as error:
        raise SlipwayError(
            f"the mail server refuses: {error}. Correct connection {connection} (login, from_email), or "
            "`notify.email` in apps.yaml."
        ) from error
    except ValueError as error:
        raise SlipwayError(f"connection {connection} is not complete: {error}.") from error
    except (SlackClientError, smtplib.SMTPException, OSError) as error:
        raise TransientError(f"connection {connection} does not take the message: {error}") from error
