"""Slack: a message in its markup, and the notifier of Airflow's provider slack."""

from __future__ import annotations

from typing import Any

from slipway.flow.message import Message

CONNECTION = "slipway_slack"
TIMEOUT_SECONDS = 20
ERROR_LENGTH = 2_500


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


def _plain(text: str) -> str:
    """Take the meaning from Slack's signs."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
