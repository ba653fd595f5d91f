"""The name of a push: it is the id of all runs that the push starts, in Airflow's lists too. Pure."""

from __future__ import annotations

import hashlib
import re

from slipway.flow.push import PushEvent

PREFIX = "push~"
_LENGTH = 60
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")


def push_id(push: PushEvent, number: int) -> str:
    """Return a push's name, like ``push~shop~main~1f0c6a7d2b9e~5d41402a``; at most 210 characters.

    Repository and ref are shortened in it, and stand for people; the last part tells all pushes apart.

    :param number: how many earlier pushes there are of the same commit to the same ref.
    """
    name = push.repository.partition("/")[2]
    ref = re.sub(r"^refs/(heads|tags)/", "", push.ref)
    whole = "\n".join([push.repository.casefold(), push.ref, push.commit, push.rebuild, str(number)])
    parts = [_short(name), _short(ref), push.short_commit]
    if push.rebuild:
        parts.append(_short(push.rebuild))
    return PREFIX + "~".join([*parts, hashlib.sha256(whole.encode()).hexdigest()[:8]])


def id_prefix(repository: str) -> str:
    """Return how the ids of a repository's pushes begin; those of one with the same name do, too.

    :param repository: spelled as in ``apps.yaml``.
    """
    return f"{PREFIX}{_short(repository.partition('/')[2])}~"


def is_push_id(run_id: str) -> bool:
    """Say whether a run was started by a push."""
    return run_id.startswith(PREFIX)


def _short(text: str) -> str:
    return _OTHER.sub("-", text)[:_LENGTH].strip("-") or "-"
