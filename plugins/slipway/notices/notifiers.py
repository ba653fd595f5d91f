"""The notifiers of the providers smtp and slack, with a message of ours.

They are notified, not called: a call renders their fields as templates, and errors are no templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.flow.message import Message

SMTP, SLACK = "slipway_smtp", "slipway_slack"
TIMEOUT_SECONDS = 20
SUBJECT_LENGTH = 150


def by_mail(message: Message, to: Sequence[str]) -> Any:
    """Return the notifier that mails; sender and server are those of connection ``slipway_smtp``."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(
        to=list(to),
        subject=message.title[:SUBJECT_LENGTH],
        html_content=message.html(),
        smtp_conn_id=SMTP,
    )


def in_slack(message: Message, channel: str) -> Any:
    """Return the notifier that posts; the token is that of connection ``slipway_slack``."""
    from airflow.providers.slack.notifications.slack import SlackNotifier

    return SlackNotifier(
        slack_conn_id=SLACK,
        channel=channel,
        text=message.slack(),
        username="Slipway",
        timeout=TIMEOUT_SECONDS,
        unfurl_links=False,
        unfurl_media=False,
    )
