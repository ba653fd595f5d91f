"""Starts a pipeline's run: what is sent for it, and its id, which a key of the caller's decides."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from slipway.cli.answers import AwayError, Json, TakenError
from slipway.cli.api import Airflow
from slipway.cli.status import DEPLOY_DAG
from slipway.flow.followed import PUSH
from slipway.flow.platforms import PIPELINES
from slipway.flow.record import SlipwayError

ROLLBACK = "rollback"
PROMOTE_FROM = "promote_from"
"""Parameter of ``deploy``: the environment whose release is taken."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_.-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class Wish:
    """A request to start a pipeline."""

    pipeline: str
    repository: str
    commit: str = ""
    ref: str = ""
    deploy: bool | None = None
    """None for what the pipeline does by itself: a push deploys, a build does not."""
    params: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no run could use, before anything is asked.

        :raises SlipwayError: with the rule and its cure.
        """
        if not _REPOSITORY.fullmatch(self.repository):
            raise SlipwayError(f"{self.repository!r} is not an application: give OWNER/NAME as in apps.yaml.")
        if self.commit and not _COMMIT.fullmatch(self.commit):
            raise SlipwayError(
                f"{self.commit!r} is not a full commit id: give its 40 digits (`git rev-parse HEAD`)."
            )
        if self.pipeline == ROLLBACK and self.ref:
            raise SlipwayError("rollback takes --commit, or goes back one release: leave --ref out.")
        if self.pipeline != ROLLBACK and not (self.commit or self.ref or PROMOTE_FROM in self.params):
            raise SlipwayError(
                f"{self.pipeline} needs a commit: give --commit, or --ref for a ref's newest commit."
            )
        if self.deploy is not None and self.pipeline in (DEPLOY_DAG, ROLLBACK):
            raise SlipwayError(f"{self.pipeline} always deploys: leave --deploy out.")

    @property
    def conf(self) -> Json:
        """The DAG's params."""
        named = {"repository": self.repository, "ref": self.ref, "commit": self.commit}
        told: Json = {name: value for name, value in named.items() if value}
        if self.pipeline == PUSH:
            told["deploy"] = self.deploy is not False
        return told | self.params

    @property
    def command(self) -> str:
        """The command line that asks for it again."""
        words = ["slipway", "run", self.pipeline, "--app", self.repository]
        for name, value in (("--commit", self.commit), ("--ref", self.ref)):
            words += [name, value] if value else []
        words += [] if self.deploy is None else ["--deploy" if self.deploy else "--no-deploy"]
        for name, value in self.params.items():
            words += ["--param", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        return shlex.join(words)

    @property
    def deploys_after(self) -> bool:
        """Say whether the image, once built, is to be deployed by a run of `deploy`."""
        return bool(self.deploy) and self.pipeline in PIPELINES.values()


def full_ref(name: str) -> str:
    """Return a ref's full name: a short one is a branch."""
    return name if not name or name.startswith("refs/") else f"refs/heads/{name}"


def params_of(pairs: Iterable[str]) -> Json:
    """Read ``NAME=VALUE`` arguments; a value that is JSON (``true``, ``3``, ``["a"]``) is that.

    :raises SlipwayError: when one has no name.
    """
    found: Json = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise SlipwayError(f"--param {pair!r}: write it as NAME=VALUE.")
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def run_id_of(key: str) -> str:
    """Return the id of the run that an idempotency key stands for; Airflow takes few characters."""
    return f"requested__{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def start(airflow: Airflow, dag_id: str, conf: Json, key: str, note: str) -> tuple[Json, bool]:
    """Start a run, or find the one that was started with this key; returns it, and whether it is new.

    :raises SlipwayError: when the key was used for something else, or the DAG is paused.
    """
    run_id = run_id_of(key)
    if (found := airflow.find_run(dag_id, run_id)) is None:
        if airflow.get_dag(dag_id).get("is_paused"):
            raise SlipwayError(f"{dag_id} is paused in Airflow, so its runs would wait: unpause it first.")
        try:
            return _create(airflow, dag_id, run_id, conf, note), True
        except TakenError:
            found = airflow.find_run(dag_id, run_id)
    if found is None or found.get("conf") != conf:
        raise SlipwayError(
            f"this idempotency key was already used for other input: {json.dumps(found and found['conf'])}. "
            "Give each start a key of its own."
        )
    return found, False


def _create(airflow: Airflow, dag_id: str, run_id: str, conf: Json, note: str) -> Json:
    try:
        return airflow.create_run(dag_id, run_id, conf, note)
    except AwayError:  # it may have been started: the same id finds out
        return airflow.create_run(dag_id, run_id, conf, note)
