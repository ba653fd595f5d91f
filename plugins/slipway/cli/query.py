"""Collects from Airflow what :mod:`slipway.cli.status` decides upon."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import ValidationError

from slipway.cli.answers import Json, ServerError
from slipway.cli.api import PAGE, Airflow
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG, PlatformFacts, PushStatus, push_status
from slipway.flow.approval import APPROVE_TASK
from slipway.flow.deployment import Deployment
from slipway.flow.image import Built
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push import PushEvent, parse_partition_key
from slipway.flow.record import SlipwayError

PUSH_ASSET, DEPLOYMENT_ASSET = "slipway_push", "slipway_deployment"
_ASSETS: Mapping[type, Collection[str]] = {
    Built: [one.asset for one in PLATFORMS.values()],
    Deployment: [DEPLOYMENT_ASSET],
}
R = TypeVar("R", Built, Deployment)


def find_keys(airflow: Airflow, commit: str = "", repository: str = "") -> list[str]:
    """Return the partition keys of pushes, newest first, one for each application and commit.

    :param commit: first digits of the commit; "" for any, and then only each application's newest.
    :param repository: only this application (as GitHub compares names: without case).
    """
    found: dict[tuple[str, str], str] = {}
    for key in _pushed_keys(airflow, f"@{commit.lower()}" if commit else repository):
        name, pushed = _parts(key)
        if not name or not pushed.startswith(commit.lower()):
            continue
        if not repository or name.casefold() == repository.casefold():
            found.setdefault((name, pushed if commit else ""), key)
    return list(found.values())


def _pushed_keys(airflow: Airflow, part: str) -> Iterator[str]:
    """Yield the keys of the builds' runs, then of pushes that may have none yet."""
    for dag_id in BUILD_DAGS.values():
        yield from (run.get("partition_key") or "" for run in airflow.iterate_runs(dag_id, part))
    with suppress(ServerError):  # a run that a push started is queued, and found above
        yield from (
            event.get("partition_key") or "" for event in airflow.iterate_events(PUSH_ASSET, most=PAGE)
        )


def get_status(airflow: Airflow, key: str) -> PushStatus:
    """Return what became of the push with this partition key."""
    facts = {platform: _facts(airflow, platform, dag_id, key) for platform, dag_id in BUILD_DAGS.items()}
    return push_status(_push(airflow, key, facts.values()), facts)


def find_run(airflow: Airflow, dag_id: str, key: str) -> Json | None:
    """Return the newest run of ``dag_id`` for exactly this partition key."""
    runs = airflow.get_runs(dag_id, key, limit=10)
    return next((run for run in runs if run.get("partition_key") == key), None)


def _facts(airflow: Airflow, platform: Platform, dag_id: str, key: str) -> PlatformFacts:
    build = find_run(airflow, dag_id, key)
    try:
        built = _of_platform(airflow, build, Built, platform)
    except ServerError:  # the run that it started is queued, see Airflow._ask
        built = None
    deploy = find_run(airflow, DEPLOY_DAG, key)
    deployment = _of_platform(airflow, deploy, Deployment, platform)
    return PlatformFacts(
        build=build,
        built=built,
        deploy=deploy,
        deployment=deployment,
        newest=_newest(airflow, deployment) if deployment else None,
        failed_tasks=tuple(_failed_tasks(airflow, (build, deploy))),
        is_asked=_is_asked(airflow, deploy),
    )


def handed_on(airflow: Airflow, run: Mapping[str, Any], model: type[R]) -> list[R]:
    """Return the images, or the deployments, that a run handed on."""
    events = airflow.get_run_events(run["dag_id"], run["dag_run_id"])
    return [_read(event, model) for event in events if event.get("name") in _ASSETS[model]]


def _of_platform(airflow: Airflow, run: Json | None, model: type[R], platform: Platform) -> R | None:
    records = handed_on(airflow, run, model) if run else []
    return next((record for record in records if record.platform == platform), None)


def _read(event: Json, model: type[R]) -> R:
    try:
        return model.from_json(event.get("extra"))
    except ValidationError as error:
        raise SlipwayError(
            f"asset event {event.get('id')} of {event.get('name')} is not a {model.__name__} as this "
            "command knows it. Use the command of the version that Airflow runs."
        ) from error


def _newest(airflow: Airflow, deployment: Deployment) -> Deployment:
    place = (deployment.push.repository, deployment.application, deployment.environment, deployment.platform)
    for event in airflow.iterate_events(DEPLOYMENT_ASSET, DEPLOY_DAG):
        other = _read(event, Deployment)
        if (other.push.repository, other.application, other.environment, other.platform) == place:
            return other
    return deployment


def _failed_tasks(airflow: Airflow, runs: Iterable[Json | None]) -> Iterable[str]:
    for run in runs:
        if run is not None and run["state"] == "failed":
            tasks = airflow.get_tasks(run["dag_id"], run["dag_run_id"])
            yield from (f"{run['dag_id']}/{task['task_id']}" for task in tasks if task["state"] == "failed")


def _is_asked(airflow: Airflow, deploy: Json | None) -> bool:
    if deploy is None or deploy["state"] != "running":
        return False
    tasks = airflow.get_tasks(deploy["dag_id"], deploy["dag_run_id"])
    return any((one["task_id"], one["state"]) == (APPROVE_TASK, "awaiting_input") for one in tasks)


def _push(airflow: Airflow, key: str, facts: Iterable[PlatformFacts]) -> PushEvent:
    known = list(facts)
    for push in (record.push for fact in known for record in (fact.deployment, fact.built) if record):
        return push
    for run in (fact.build for fact in known if fact.build):
        for event in _triggering_events(airflow, run):
            if (pushed := _pushed(event)) is not None:
                return pushed
    repository, commit, rebuild = parse_partition_key(key)
    return PushEvent(repository=repository, commit=commit, rebuild=rebuild, ref="unknown")


def _triggering_events(airflow: Airflow, run: Mapping[str, Any]) -> list[Json]:
    if run["state"] == "queued":  # they cannot be listed yet, see Airflow._ask
        return []
    return airflow.get_triggering_events(run["dag_id"], run["dag_run_id"])


def _pushed(event: Json) -> PushEvent | None:
    extra: dict[str, Any] = event.get("extra") or {}
    try:
        return PushEvent.from_json(extra.get("push", extra))
    except ValidationError:
        return None  # an event that a person made without saying the ref


def _parts(key: str) -> tuple[str, str]:
    try:
        return parse_partition_key(key)[:2]
    except SlipwayError:
        return "", ""
