"""The common part of the DAGs: how their tasks are retried, and the fields of their forms.

A field's rule is part of its schema (``description_md``), so that Airflow's refusal of a value says it:
https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Param

from slipway.dagkit.choices import choices

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "slipway",
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "max_retry_delay": timedelta(minutes=1),
}
REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_.-]{1,100}"


def image_params() -> dict[str, Param]:
    """Return the form of a pipeline that builds a commit's image."""
    return {"repository": repository(), "ref": ref(), "commit": commit(), "deploy": deploy_too(False)}


def repository() -> Param:
    """Return the field for ``owner/name``, one of apps.yaml; it is empty in a run that a push starts."""
    found = choices()
    if found.repositories:
        rule: dict[str, Any] = {
            "enum": ["", *found.repositories],
            "values_display": {"": "choose one"},
        }
    else:
        rule = {"pattern": f"^$|^{REPOSITORY}$"}
    return Param(
        "",
        type="string",
        title="Repository",
        description_md=found.told("owner/name, as apps.yaml lists it"),
        **rule,
    )


def ref(description: str = "Full name of a branch or tag") -> Param:
    """Return the field for a full ref name; those that apps.yaml names are proposed."""
    found = choices()
    return Param(
        "refs/heads/main",
        type="string",
        title="Ref",
        description_md=f"{description}, like refs/heads/main",
        pattern=r"^refs/.+",
        **({"examples": list(found.refs)} if found.refs else {}),
    )


def commit(description: str = "40 digits; empty: the ref's newest") -> Param:
    """Return the field for a commit that may be left out."""
    return Param(
        None,
        type=["null", "string"],
        title="Commit",
        description_md=description,
        pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$",
    )


def environment(empty: str, description: str, title: str = "Environment") -> Param:
    """Return the field for an environment that may be left out.

    :param empty: what leaving it out means.
    """
    found = choices()
    if found.environments:
        rule: dict[str, Any] = {
            "enum": [None, *found.environments],
            "values_display": {"null": empty},
        }
    else:
        rule = {"pattern": r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"}
        description = f"{description}; empty: {empty}"
    return Param(None, type=["null", "string"], title=title, description_md=found.told(description), **rule)


def deploy_too(ticked: bool) -> Param:
    """Return the box that has what was built deployed."""
    return Param(
        ticked,
        type="boolean",
        title="Deploy it too",
        description_md="To the environment that takes the ref; what else the commit declares is built, too",
    )


def repositories() -> Param:
    """Return the field for some repositories, or all of them."""
    found = choices()
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string", "pattern": f"^{REPOSITORY}$"},
        title="Repositories",
        description_md=found.told("owner/name, as apps.yaml lists them; empty takes every one"),
        **({"examples": list(found.repositories)} if found.repositories else {}),
    )


def queue(variable: str) -> dict[str, str]:
    """Return where tasks run that need special programs: the queue that ``variable`` names, if any."""
    named = os.environ.get(variable, "")
    return {"queue": named} if named else {}
