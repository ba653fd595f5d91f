"""The messages about an incident and its end, and about a run that takes long."""

from __future__ import annotations

from slipway.flow.ended import KINDS, Ended
from slipway.flow.incident import Incident
from slipway.flow.message import Message

CAUSES = {
    "spec": "slipway.yaml of this commit breaks a rule",
    "rule": "a rule is broken; a retry does not help",
    "outage": "another system failed in every try",
    "timeout": "a time limit",
    "defect": "a defect in Slipway; the log has the stack trace",
    "lost": "the task's process ended without reporting an error",
}


def failure(incident: Incident, link: str) -> Message:
    """Tell of a failed run."""
    ended, account = incident.ended, incident.account
    tasks = [task.task_id for task in ended.failed]
    facts = [
        *_about(ended),
        ("Failing task", tasks[0] if tasks else "none"),
        ("Reason", CAUSES[account.cause]),
    ]
    if tasks[1:]:
        facts.append(("Failed afterwards", ", ".join(tasks[1:])))
    return Message(incident.title, tuple(facts), link, account.error, account.lines)


def recovery(ended: Ended, link: str) -> Message:
    """Tell that a run succeeds again."""
    title = f"{ended.repository} ({ended.environment}): {KINDS[ended.dag_id]} succeeds again"
    facts = _about(ended)
    if ended.over and ended.over.commit:
        facts.append(("Failed at", ended.over.commit))
    return Message(title, tuple(facts), link)


def late(dag_id: str, repository: str, commit: str, deadline: str, link: str) -> Message:
    """Tell that a run takes longer than it should.

    :param deadline: when it should have ended.
    """
    title = f"{repository}: {KINDS[dag_id]} takes too long"
    facts = (
        ("Application", repository),
        ("Commit", commit or "not known yet"),
        ("Should have ended", deadline),
    )
    return Message(title, facts, link)


def _about(ended: Ended) -> list[tuple[str, str]]:
    return [
        ("Application", ended.repository),
        ("Environment", ended.environment),
        ("Commit", f"{ended.commit or 'newest'} of {ended.ref}"),
    ]
