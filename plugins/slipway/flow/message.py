"""What people read: the same message for Jira, a mail and Slack, each in its own markup.

Errors and log lines hold what applications and other systems wrote: here they become text and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

ERROR_LENGTH = 4_000
SLACK_LENGTH = 2_500
NOFORMAT = "{noformat}"


@dataclass(frozen=True)
class Message:
    """A title, facts by their names, and what a task said."""

    title: str
    facts: tuple[tuple[str, str], ...]
    link: str
    """The run's page."""
    error: str = ""
    lines: tuple[str, ...] = ()

    def jira(self) -> str:
        """Write it in Jira's markup (https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all)."""
        facts = [f"{name}: {_plain(value)}" for name, value in self.facts]
        parts = [_plain(self.title), "\n".join([*facts, f"Run: {self.link}"])]
        if self.error:
            parts.append(_block(self.error[:ERROR_LENGTH]))
        if self.lines:
            parts.append("Last lines of its log:\n" + _block("\n".join(self.lines)))
        return "\n\n".join(parts)

    def html(self) -> str:
        """Write it for a mail."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in self.facts
        )
        parts = [f"<p><b>{escape(self.title)}</b></p><table>{rows}</table>"]
        if self.error:
            parts.append(f"<pre>{escape(self.error[:ERROR_LENGTH])}</pre>")
        if self.lines:
            parts.append("<p>Last lines of its log:</p><pre>" + escape("\n".join(self.lines)) + "</pre>")
        parts.append(f'<p><a href="{escape(self.link)}">{escape(self.link)}</a></p>')
        return "\n".join(parts)

    def slack(self) -> str:
        """Write it in Slack's markup (https://api.slack.com/reference/surfaces/formatting)."""
        facts = "\n".join(f"{_slack(name)}: {_slack(value)}" for name, value in self.facts)
        error = _slack(self.error[:SLACK_LENGTH]).replace("```", "'''")
        told = f"\n```{error}```" if error else ""
        return f"*{_slack(self.title)}*\n{facts}{told}\n<{self.link}|The run>"


def _plain(text: str) -> str:
    """Take the meaning from Jira's signs."""
    return "".join(f"\\{sign}" if sign in "{}[]|*_^~!" else sign for sign in text)


def _block(text: str) -> str:
    return f"{NOFORMAT}\n{text.replace(NOFORMAT, '{ noformat }')}\n{NOFORMAT}"


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
