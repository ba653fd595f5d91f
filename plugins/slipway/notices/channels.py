"""The table of channels by which people are notified; DAG ``notify`` and messages about late runs follow it.

Notifiers are notified, not called: a call renders their fields as templates, and errors are no templates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slipway.flow.audience import Notify
from slipway.flow.message import Message
from slipway.flow.record import SlipwayError
from slipway.notices import mail, slack


@dataclass(frozen=True)
class NoticeChannel:
    """One of them. All are retried alike, as ``dags/notify.py`` says."""

    name: str
    """Of its field in :class:`Notify`, and of its task in DAG ``notify``."""
    about: str
    """What Airflow shows at the task."""
    connection: str
    notifier: Callable[[Message, Any], Any]
    """Return a provider's notifier for a message, and for what the field has."""
    explain: Callable[[Exception], SlipwayError | None]
    """Return an error of the provider's as ours, with its cure; None for one that any channel may have."""

    def audience(self, notify: Notify) -> Any:
        """Return what the field has: empty, or None, when this channel is not asked for."""
        return getattr(notify, self.name)


EMAIL = NoticeChannel("email", "Mail it.", mail.CONNECTION, mail.by_mail, mail.explain)
SLACK = NoticeChannel("slack", "Post it.", slack.CONNECTION, slack.in_slack, slack.explain)
CHANNELS = (EMAIL, SLACK)
