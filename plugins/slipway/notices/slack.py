"""Slack: a message in its markup, the notifier of Airflow's provider slack, and what Slack refuses."""

from __future__ import annotations

from typing import Any

from slipway.flow.message import Message
from slipway.flow.record import SlipwayError, TransientError

CONNECTION = "slipway_slack"
TIMEOUT_SECONDS = 20
ERROR_LENGTH = 2_500
PASSING = ("ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")
"""Errors that pass by themselves (https://api.slack.com/methods/chat.postMessage#errors)."""


def markup(message: Message) -> str:
    """Write a message in Slack's markup (https://api.slack.com/reference/surfaces/formatting)."""
    facts = "\n".join(f"{_plain(name)}: {_plain(value)}" for name, value in message.facts)
    error = _plain(message.error[:ERROR_LENGTH]).replace("```", "'''")
    told = f"\n```{error}```" if error else ""
    return f"*{_plain(message.title)}*\n{facts}{told}\n<{message.link}|The run>"


def in_slack(message: Message, channel: str) -> Any:
    """Return the notifier that posts; the token is that of the connection."""
    from airflow.providers.slack.notifications.slack import SlackNotifier

    return SlackNotifier(
        slack_conn_id=CONNECTION,
        channel=channel,
        text=markup(message),
        username="Slipway",
        timeout=TIMEOUT_SECONDS,
        unfurl_links=False,
        unfurl_media=False,
    )


def explain(error: Exception) -> SlipwayError | None:
    """Return the error with its cure when Slack refuses, a transient one when it is busy, else None."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    if isinstance(error, SlackApiError):
        reason = str(error.response.get("error", error.response))
        if reason in PASSING or error.response.status_code >= 500:
            return TransientError(f"Slack did not accept the message: {reason}")
        return SlipwayError(
            f"Slack refuses the message: {reason}. Correct the token of connection {CONNECTION}, or "
            "`notify.slack` in apps.yaml; the app must be a member of the channel."
        )
    if isinstance(error, SlackClientError):
        return TransientError(f"connection {CONNECTION} did not accept the message: {error}")
    return None


def _plain(text: str) -> str:
    """Take the meaning from Slack's signs."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
