"""The message of a report: the same for ticket, mail and chat, each of which has its own markup.

Errors and log lines hold what applications and other systems wrote: markup makes them text and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR_LENGTH = 4_000


@dataclass(frozen=True)
class Message:
    """A title, facts by their names, and what a task said."""

    title: str
    facts: tuple[tuple[str, str], ...]
    link: str
    """The run's page."""
    error: str = ""
    lines: tuple[str, ...] = ()
