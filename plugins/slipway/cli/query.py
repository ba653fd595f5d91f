"""Collects from Airflow what :mod:`slipway.cli.status` decides upon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from slipway.cli.answers import Json
from slipway.cli.api import Airflow
from slipway.cli.listing import AT_ONCE
from slipway.cli.lookup import Lookup, R
from slipway.cli.overview import Overview
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG, PlatformFacts, PushStatus, push_status
from slipway.flow.approval import APPROVE_TASK
from slipway.flow.deployment import Deployment
from slipway.flow.followed import PUSH
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent, parse_partition_key
from slipway.flow.record import SlipwayError


def find_keys(airflow: Airflow, commit: str = "", repository: str = "") -> list[str]:
    """Return the partition keys of pushes, newest first, one for each application and commit.

    :param commit: first digits of the commit; "" for any, and then only each application's newest.
    :param repository: only this application (as GitHub compares names: without case).
    """
    if not commit and not repository:
        return _chosen(Overview(airflow).keys)
    part = f"@{commit.lower()}" if commit else repository
    return _chosen(_pushed_keys(airflow, part), commit, repository)


def _chosen(keys: Iterable[str], commit: str = "", repository: str = "") -> list[str]:
    found: dict[tuple[str, str], str] = {}
    for key in keys:
        name, pushed = _parts(key)
        if not name or not pushed.startswith(commit.lower()):
            continue
        if not repository or name.casefold() == repository.casefold():
            found.setdefault((name, pushed if commit else ""), key)
        if found and repository and not commit:
            break  # the first is the newest
    return list(found.values())


def _pushed_keys(airflow: Airflow, part: str) -> Iterator[str]:
    yield from (run.get("partition_key") or "" for run in airflow.iterate_runs(PUSH, part))


def get_statuses(airflow: Airflow) -> dict[str, PushStatus]:
    """Return what became of each application's newest push, by partition key.

    It takes a request for about a hundred applications and pipelines, not several for each.
    """
    overview = Overview(airflow)
    keys = _chosen(overview.keys)
    overview.read_tasks(keys)
    return _each(overview, keys)


def get_some(airflow: Airflow, keys: Sequence[str]) -> dict[str, PushStatus]:
    """Return what became of these pushes, by partition key."""
    return _each(Lookup(airflow), keys)


def get_status(airflow: Airflow, key: str) -> PushStatus:
    """Return what became of the push with this partition key."""
    return _status(Lookup(airflow), key)


def find_run(airflow: Airflow, dag_id: str, key: str) -> Json | None:
    """Return the newest run of ``dag_id`` for exactly this partition key."""
    return Lookup(airflow).find_run(dag_id, key)


def handed_on(airflow: Airflow, run: Mapping[str, Any], model: type[R]) -> list[R]:
    """Return the images, or the deployments, that a run handed on."""
    return Lookup(airflow).handed_on(dict(run), model)


def _each(lookup: Lookup, keys: Sequence[str]) -> dict[str, PushStatus]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(keys, pool.map(lambda key: _status(lookup, key), keys), strict=True))


def _status(lookup: Lookup, key: str) -> PushStatus:
    look, deploy = lookup.find_run(PUSH, key), lookup.find_run(DEPLOY_DAG, key)
    found = {one.platform: one for one in lookup.builts_of(look)}
    deployments = {one.platform: one for one in lookup.handed_on(deploy, Deployment)}
    asked, undone, unseen = _is_asked(lookup, deploy), _failed(lookup, deploy), _failed(lookup, look)
    facts: dict[Platform, PlatformFacts] = {}
    for platform, dag_id in BUILD_DAGS.items():
        build = lookup.find_run(dag_id, key)
        built = next((one for one in lookup.builts_of(build) if one.platform == platform), None)
        deployment = deployments.get(platform)
        failed = [*unseen, *_failed(lookup, build), *undone]
        facts[platform] = PlatformFacts(
            look=look,
            build=build,
            built=built or found.get(platform),
            deploy=deploy,
            deployment=deployment,
            newest=lookup.newest(deployment) if deployment else None,
            failed_tasks=tuple(f"{task['dag_id']}/{task['task_id']}" for task in failed),
            log=_log(lookup.airflow.url, failed),
            is_asked=asked,
        )
    return push_status(_push(key, look, facts.values()), facts)


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


def _push(key: str, look: Json | None, facts: Iterable[PlatformFacts]) -> PushEvent:
    known = list(facts)
    for push in (record.push for fact in known for record in (fact.deployment, fact.built) if record):
        return push
    with suppress(ValidationError):  # another version of Slipway started it
        return PushEvent.from_json(((look or {}).get("conf") or {}).get("push"))
    repository, commit, rebuild = parse_partition_key(key)
    return PushEvent(repository=repository, commit=commit, rebuild=rebuild, ref="unknown")


def _parts(key: str) -> tuple[str, str]:
    try:
        return parse_partition_key(key)[:2]
    except SlipwayError:
        return "", ""
