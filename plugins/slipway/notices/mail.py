"""Mails: a message as HTML, the notifier of Airflow's provider smtp, and what mail servers refuse."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from html import escape
from typing import Any

from slipway.flow.message import ERROR_LENGTH, Message
from slipway.flow.record import SlipwayError

CONNECTION = "slipway_smtp"
SUBJECT_LENGTH = 150
REFUSALS = (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused)


def html(message: Message) -> str:
    """Write a message for a mail."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in message.facts
    )
    parts = [f"<p><b>{escape(message.title)}</b></p><table>{rows}</table>"]
    if message.error:
        parts.append(f"<pre>{escape(message.error[:ERROR_LENGTH])}</pre>")
    if message.lines:
        parts.append("<p>Last lines of its log:</p><pre>" + escape("\n".join(message.lines)) + "</pre>")
    parts.append(f'<p><a href="{escape(message.link)}">{escape(message.link)}</a></p>')
    return "\n".join(parts)


def by_mail(message: Message, to: Sequence[str]) -> Any:
    """Return the notifier that mails; sender and server are those of the connection."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(
        to=list(to),
        subject=message.title[:SUBJECT_LENGTH],
        html_content=html(message),
        smtp_conn_id=CONNECTION,
    )


def explain(error: Exception) -> SlipwayError | None:
    """Return the error with its cure when the mail server refuses, else None."""
    if not isinstance(error, REFUSALS):
        return None
    return SlipwayError(
        f"the mail server refuses: {error}. Correct connection {CONNECTION} (login, from_email), or "
        "`notify.email` in apps.yaml."
    )
