"""The approval question before a release to an environment, and the effect of the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway.flow.environments import Approval
from slipway.flow.image import Image
from slipway.flow.push import PushEvent
from slipway.flow.record import Name, Record, RepositoryName, SlipwayError
from slipway.flow.release import ReleaseRow

RELEASE_TASK, APPROVE_TASK = "release", "approve"
"""Tasks of ``deploy``."""
APPROVAL = "approval"
"""XCom key of ``release``: the :class:`ApprovalRequest` of one that has to be let in; absent otherwise."""
APPROVE, REJECT = "Approve", "Reject"
SUPERSEDED = "superseded_by"
"""Beside the answer that Slipway itself gives for a release in whose place a newer one waits."""
SLIPWAY = {"id": "slipway", "name": "Slipway"}
"""Who gives that answer."""


class ApprovalRequest(Record):
    """A release that asks to be let into an environment."""

    push: PushEvent
    names: tuple[RepositoryName, ...] = ()
    """All names that a renamed repository has had, the oldest first."""
    application: Name
    environment: Name
    approval: Approval
    promoted_from: Name | None = None
    """The environment that runs it already."""


def subject(request: ApprovalRequest) -> str:
    """Return the question in one line."""
    push = request.push
    return f"Deploy {request.application} {push.short_commit} of {push.repository} to {request.environment}?"


def body(
    request: ApprovalRequest, rows: Sequence[ReleaseRow], images: Mapping[str, Image], until: datetime
) -> str:
    """Return what has to be known for an answer, in Markdown.

    :param rows: of each platform, what runs ``before`` and what would ``now``.
    :param images: by platform.
    """
    push, approval = request.push, request.approval
    came = f"promoted from **{request.promoted_from}**" if request.promoted_from else _code(push.ref)
    by = f" by {_code(push.pusher)}" if push.pusher else ""
    without = "its run fails" if approval.otherwise == "fail" else "it is skipped"
    lines = [
        f"Commit {_code(push.commit)} ({came}{by}, {push.at:%Y-%m-%d %H:%M} UTC) would be deployed to "
        f"**{request.environment}**:",
        "",
        "| platform | runs now | would run | image |",
        "|---|---|---|---|",
        *(
            f"| {row.platform} | {_code(row.before)} | {_code(row.now)} | {_image(images[row.platform])} |"
            for row in rows
        ),
        "",
        f"Without an answer until {until:%Y-%m-%d %H:%M} UTC nothing is deployed, and {without}. "
        "A newer push replaces this question.",
    ]
    return "\n".join(lines)


def refusal(request: ApprovalRequest, event: Mapping[str, Any]) -> str | None:
    """Return why an answer lets nothing be deployed; None when it does let it.

    :param event: with which Airflow resumes a required action after an answer.
    """
    what = f"{request.push.short_commit} is not deployed to {request.environment}"
    by = event.get("responded_by_user") or {}
    if event.get("chosen_options") == [APPROVE] and by:
        return None
    newer = (event.get("params_input") or {}).get(SUPERSEDED)
    if newer and by.get("id") == SLIPWAY["id"]:
        return f"{what}: superseded by {newer}, which waits for approval now"
    return f"{what}: rejected by {by.get('name') or 'a user whose name Airflow does not give'}"


def unanswered(request: ApprovalRequest) -> str:
    """Return the message for a question without an answer in time."""
    return (
        f"{request.push.short_commit} is not deployed to {request.environment}: nobody answered within "
        f"{request.approval.within:g} hours. Clear task `{APPROVE_TASK}` to ask again"
    )


def check_known(request: ApprovalRequest, unknown: Sequence[str]) -> None:
    """Refuse a question that no user could answer.

    :param unknown: of the names in ``by``, those that Airflow does not know.
    :raises SlipwayError: when it knows none of them.
    """
    by = request.approval.by
    if by and set(by) <= set(unknown):
        raise SlipwayError(
            f"apps.yaml: environments.{request.environment}.approval.by names no user or role that Airflow "
            f"knows: {', '.join(by)}. Name users (as they log in) or, where Airflow keeps users itself, "
            "roles that a user has."
        )


def _image(image: Image) -> str:
    return _code(image.reference if image.digest in image.reference else f"{image.reference} {image.digest}")


def _code(text: str) -> str:
    """Return text of others so that nothing in it is Markdown."""
    safe = text.replace("`", "'").replace("|", "\\|")
    return f"`{safe}`"
