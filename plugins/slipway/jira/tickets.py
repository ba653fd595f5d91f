"""One issue for an incident: opened once, commented while it lasts, closed when it is over.

Every step looks for what is there before it does something: a task that died in the middle is run again.
https://docs.atlassian.com/software/jira/docs/api/REST/9.12.0/
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlassian import Jira

from slipway.flow.audience import Tickets
from slipway.jira.errors import speaking_to_jira
from slipway.jira.transitions import Way, choose

log = logging.getLogger(__name__)

MOST_COMMENTS = 25
"""Of one issue; people who comment count too. A failure that is pushed again and again is known by then."""


@dataclass(frozen=True)
class Board:
    """The issues of one project."""

    client: Jira
    tickets: Tickets

    def open(self, label: str) -> list[str]:
        """Return the keys of the unfinished issues with a label, the oldest first."""
        query = (
            f'project = "{self.tickets.project}" AND labels = "{label}" AND statusCategory != Done '
            "ORDER BY created ASC"
        )
        with speaking_to_jira(f"search in project {self.tickets.project}"):
            found: Any = self.client.jql(query, fields=["labels"], limit=20)
        return [str(issue["key"]) for issue in found["issues"]]

    def tell(self, label: str, labels: Sequence[str], title: str, text: str, link: str) -> str:
        """Open an issue, or comment on the one that is open; returns its key.

        :param label: that of the incident, one of ``labels``.
        :param link: the run's page, which ``text`` names: what has it already is not written twice.
        """
        if keys := self.open(label):
            self._comment(keys[0], text, link)
            return keys[0]
        fields = {
            "project": {"key": self.tickets.project},
            "issuetype": {"name": self.tickets.issue_type},
            "summary": title,
            "description": text,
            "labels": list(labels),
        }
        with speaking_to_jira(f"open an issue in project {self.tickets.project}"):
            made: Any = self.client.create_issue(fields)
        log.info("opened %s: %s", made["key"], title)
        return str(made["key"])

    def close(self, label: str, text: str, link: str) -> list[str]:
        """Close the open issues with a label; returns their keys."""
        keys = self.open(label)
        for key in keys:
            self._comment(key, text, link, last=True)
            self._finish(key)
        return keys

    def _comment(self, key: str, text: str, link: str, *, last: bool = False) -> None:
        with speaking_to_jira(f"show {key}"):
            issue: Any = self.client.issue(key, fields="description,comment")
        comments = issue["fields"].get("comment") or {}
        said = [issue["fields"].get("description"), *(one["body"] for one in comments.get("comments", ()))]
        if any(link in str(one) for one in said):
            log.info("%s already names this run", key)
            return
        if comments.get("total", 0) >= MOST_COMMENTS and not last:
            log.info("%s has %d comments: this failure is not added", key, comments["total"])
            return
        with speaking_to_jira(f"take a comment on {key}"):
            self.client.issue_add_comment(key, text)
        log.info("commented on %s", key)

    def _finish(self, key: str) -> None:
        with speaking_to_jira(f"show the transitions of {key}"):
            shown: Any = self.client.get_issue_transitions_full(key, expand="transitions.fields")
        way: Way | None = choose(shown.get("transitions", ()))
        if way is None:
            log.warning(
                "%s stays open: its workflow has no transition from here to a status of category Done that "
                "needs no field but a resolution. Close it by hand",
                key,
            )
            return
        fields: Mapping[str, Any] = {"resolution": {"name": way.resolution}} if way.resolution else {}
        data = {"transition": {"id": way.id}} | ({"fields": fields} if fields else {})
        with speaking_to_jira(f"close {key}"):
            self.client.post(f"{self.client.resource_url('issue')}/{key}/transitions", data=data)
        log.info("closed %s by %r", key, way.name)
