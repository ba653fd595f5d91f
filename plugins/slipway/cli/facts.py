"""Collects from Airflow what :mod:`slipway.cli.status` decides upon."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from slipway.cli.answers import Json
from slipway.cli.lookup import Lookup, by_platform
from slipway.cli.pushed import event_of
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG, PlatformFacts, PushStatus, push_status
from slipway.flow.approval import APPROVE_TASK
from slipway.flow.deployment import Deployment
from slipway.flow.platforms import Platform
from slipway.flow.record import SlipwayError

Runs = Mapping[Platform, Json | None]


def status_of(lookup: Lookup, look: Json) -> PushStatus:
    """Return what became of a push.

    :param look: its run of ``push``.
    :raises SlipwayError: when that run names no push.
    """
    builds: Runs = {name: lookup.find_run(dag_id, look["dag_run_id"]) for name, dag_id in BUILD_DAGS.items()}
    # Asked for last: it is there before the build that completes the push has ended.
    deploy = lookup.find_run(DEPLOY_DAG, look["dag_run_id"])
    if (push := event_of(look)) is None:
        raise SlipwayError(f"run {look['dag_run_id']} names no push as this command knows it.")
    built = by_platform(one for run in (*builds.values(), look) for one in lookup.builts_of(run))
    deployments = by_platform(lookup.handed_on(deploy, Deployment))
    unseen, undone, is_asked = _failed(lookup, look), _failed(lookup, deploy), _is_asked(lookup, deploy)
    facts: dict[Platform, PlatformFacts] = {}
    for platform, build in builds.items():
        deployment = deployments.get(platform)
        failed = [*unseen, *_failed(lookup, build), *undone]
        facts[platform] = PlatformFacts(
            look=look,
            build=build,
            built=built.get(platform),
            deploy=deploy,
            deployment=deployment,
            newest=lookup.newest(deployment) if deployment else None,
            failed_tasks=tuple(f"{task['dag_id']}/{task['task_id']}" for task in failed),
            log=_log(lookup.airflow.url, failed),
            is_asked=is_asked,
            paused=_paused(lookup, deploy or build or look),
            is_through=_is_through(look, builds, deploy),
        )
    return push_status(push, facts)


def _is_through(look: Json, builds: Runs, deploy: Json | None) -> bool:
    """Say whether a push ended well without a deployment: whatever it starts is there before this is so."""
    runs = (look, *(run for run in builds.values() if run))
    return deploy is None and all(run["state"] == "success" for run in runs)


def _paused(lookup: Lookup, run: Json) -> str:
    """Return the DAG whose pause is what the push waits for; "" when there is none."""
    return str(run["dag_id"]) if run["state"] == "queued" and lookup.is_paused(run["dag_id"]) else ""


def _failed(lookup: Lookup, run: Json | None) -> list[Json]:
    """Return the tasks that failed, with the names of their run."""
    if run is None or run["state"] != "failed":
        return []
    names = {"dag_id": run["dag_id"], "dag_run_id": run["dag_run_id"]}
    return [task | names for task in lookup.tasks_of(run, "failed")]


def _log(url: str, failed: list[Json]) -> str | None:
    """Return where a person reads the log of the task that failed first."""
    for task in failed:
        run = quote(task["dag_run_id"], safe="")
        return f"{url}/dags/{task['dag_id']}/runs/{run}/tasks/{task['task_id']}"
    return None


def _is_asked(lookup: Lookup, deploy: Json | None) -> bool:
    if deploy is None or deploy["state"] != "running":
        return False
    return any(task["task_id"] == APPROVE_TASK for task in lookup.tasks_of(deploy, "awaiting_input"))
