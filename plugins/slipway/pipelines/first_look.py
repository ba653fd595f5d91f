"""One look at a commit decides what becomes of each platform: nothing, an image of before, or a build."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slipway.apiserver.client import ask_push, report_looked, report_superseded
from slipway.flow.image import Built
from slipway.flow.platforms import PIPELINES, PLATFORMS, Platform
from slipway.flow.push_id import is_push_id
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.record import Record, SlipwayError, TransientError
from slipway.flow.recorded import RecordedPush
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.pipelines.images import container_image
from slipway.pipelines.images.commit import read_spec
from slipway.pipelines.images.container_image import ContainerBuildPlan, ResolvedContainer
from slipway.pipelines.images.run import Run
from slipway.pipelines.task_endings import NothingToDo

log = logging.getLogger(__name__)


class LookedAt(Record):
    """What was found of a commit, for the runs that follow."""

    id: str
    done: dict[Platform, Built] = {}
    """Platforms with nothing to build: nothing is declared, or there is an image of the same inputs."""
    container: ResolvedContainer | None = None
    """Of a container image that is to be built."""


def look(key: str, run: Run) -> LookedAt:
    """Look at a push's commit, and start what it needs.

    :raises NothingToDo: when the push's ref points to a later commit.
    :raises SlipwayError: when ``slipway.yaml`` is missing or breaks a rule.
    """
    one = ask_push(key)
    with fetched(GithubHook().get_conn(), one.push, with_tip=True) as commit:
        if reason := went_on(one, commit.tip):
            report_superseded(key, reason)
            raise NothingToDo(reason)
        spec = read_spec(commit)
        planned = _plan(commit, spec)
    resolved = _resolve(planned) if planned else None
    looked = LookedAt(id=key, done=_done(one, spec, resolved, run), container=resolved)
    progress: dict[Platform, PlatformProgress] = {
        name: PlatformProgress(state="done", built=looked.done[name])
        if name in looked.done
        else PlatformProgress(state="building")
        for name in PLATFORMS
    }
    for name, known in progress.items():
        log.info("%-10s %s", name, _told(known))
    report_looked(key, progress)
    return looked


def went_on(one: RecordedPush, tip: str | None) -> str:
    """Return why a push is superseded by what its ref points to now; "" when it is not.

    :param tip: None when the ref was deleted: the push stands.
    """
    asked_for = one.source in ("person", "night")
    if asked_for or tip is None or tip == one.push.commit:
        return ""
    return f"{one.push.ref} points to {tip[:12]} by now"


def _plan(commit: Commit, spec: BuildSpec) -> ContainerBuildPlan | None:
    if spec.container is None:
        return None
    with _left_to_its_pipeline():
        return container_image.plan_of(commit, spec)
    return None


def _resolve(planned: ContainerBuildPlan) -> ResolvedContainer | None:
    assert planned.inputs is not None  # a container is declared
    with _left_to_its_pipeline():
        return container_image.resolve(planned, planned.inputs)
    return None


@contextmanager
def _left_to_its_pipeline() -> Iterator[None]:
    """Leave an error that stays to the container's pipeline, which meets it again and fails by it."""
    try:
        yield
    except TransientError:
        raise
    except SlipwayError as error:
        log.warning("%s will report: %s", PIPELINES["container"], error)


def _done(
    one: RecordedPush, spec: BuildSpec, resolved: ResolvedContainer | None, run: Run
) -> dict[Platform, Built]:
    done: dict[Platform, Built] = {
        name: Built(push=one.push, platform=name, deploy=one.deploy)
        for name in PLATFORMS
        if getattr(spec, name) is None
    }
    if resolved and resolved.image:
        built, _ = container_image.publish(resolved.plan, resolved.image.to_json(), one.deploy, run)
        done["container"] = built.found(before=True)
    return done


def _told(known: PlatformProgress) -> str:
    if known.built is None:
        return "is built"
    return f"unchanged: {known.built.image.digest}" if known.built.image else "nothing declared"


def of_run(ti: Any, run_id: str) -> LookedAt | None:
    """Return what the look at a run's push found; None without a push, or when it is not kept any more."""
    if not is_push_id(run_id):
        return None
    found = ti.xcom_pull(dag_id="push", run_id=run_id, task_ids="look")
    return LookedAt.from_json(found) if isinstance(found, dict) and "done" in found else None
