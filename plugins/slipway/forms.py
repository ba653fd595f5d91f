"""What the DAGs have in common: how their tasks are retried, and the fields of their forms."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Param

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "slipway",
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "max_retry_delay": timedelta(minutes=1),
}


def repository() -> Param:
    """Return the field for ``owner/name``."""
    return Param(
        "",
        type="string",
        title="Repository",
        description="owner/name, as apps.yaml lists it",
        pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_.-]{1,100}$",
    )


def ref(description: str = "Full name") -> Param:
    """Return the field for a full ref name."""
    return Param("refs/heads/main", type="string", title="Ref", description=description, pattern=r"^refs/.+")


def commit(description: str = "40 digits; empty takes the ref's newest") -> Param:
    """Return the field for a commit that may be left out."""
    return Param(
        None,
        type=["null", "string"],
        title="Commit",
        description=description,
        pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$",
    )


def repositories() -> Param:
    """Return the field for some repositories, or all of them."""
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string"},
        title="Repositories",
        description="owner/name, one a line; empty takes every one of apps.yaml",
    )


def queue(variable: str) -> dict[str, str]:
    """Return where tasks run that need special programs: the queue that ``variable`` names, if any."""
    named = os.environ.get(variable, "")
    return {"queue": named} if named else {}
