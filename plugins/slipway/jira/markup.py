"""Messages in Jira's markup.

https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

from slipway.flow.message import ERROR_LENGTH, Message

NOFORMAT = "{noformat}"


def markup(message: Message) -> str:
    """Write a message for an issue or a comment."""
    facts = [f"{name}: {_plain(value)}" for name, value in message.facts]
    parts = [_plain(message.title), "\n".join([*facts, f"Run: {message.link}"])]
    if message.error:
        parts.append(_block(message.error[:ERROR_LENGTH]))
    if message.lines:
        parts.append("Last lines of its log:\n" + _block("\n".join(message.lines)))
    return "\n\n".join(parts)


def _plain(text: str) -> str:
    """Take the meaning from Jira's signs."""
    return "".join(f"\\{sign}" if sign in "{}[]|*_^~!" else sign for sign in text)


def _block(text: str) -> str:
    return f"{NOFORMAT}\n{text.replace(NOFORMAT, '{ noformat }')}\n{NOFORMAT}"
