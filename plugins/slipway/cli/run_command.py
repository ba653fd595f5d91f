"""``slipway run``: starts a pipeline for a commit, follows it, and prints the result."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from pathlib import Path

from slipway.cli import INTERRUPTED, NOT_ASKED, NOT_PERMITTED, NOT_SO, OK, TIMED_OUT, settings
from slipway.cli.answers import AwayError, ForbiddenError, Json, ServerError
from slipway.cli.api import Airflow
from slipway.cli.following import RunFollower, results
from slipway.cli.starting import Wish, full_ref, params_of, start
from slipway.cli.status import DEPLOY_DAG
from slipway.cli.telling import Telling
from slipway.flow.image import Built
from slipway.flow.record import SlipwayError


def run(options: argparse.Namespace) -> int:
    """Start, follow when asked to, and print the result."""
    wish = Wish(
        pipeline=options.pipeline,
        repository=options.app,
        commit=options.commit or "",
        ref=full_ref(options.ref or ""),
        deploy=options.deploy,
        params=params_of(options.param),
    )
    if wish.deploys_after and not options.wait:
        raise SlipwayError("--deploy starts `deploy` when the image is built: give --wait too.")
    return carry_out(wish, options)[0]


def carry_out(wish: Wish, options: argparse.Namespace) -> tuple[int, Telling]:
    """Start the requested run, and follow it when asked to; returns the exit code, and what was said."""
    login = settings.airflow(settings.environment(Path.cwd()), options.airflow_url, options.airflow_user)
    key = options.idempotency_key or str(uuid.uuid4())
    told = Telling(wish, key)
    try:
        with Airflow(login) as airflow:
            code = _run(airflow, told, wait=options.wait, seconds=options.timeout)
    except ForbiddenError as error:
        print(f"slipway: {error}", file=sys.stderr)
        return NOT_PERMITTED, told
    except (AwayError, ServerError) as error:
        told.goes_on(str(error))
        return NOT_ASKED, told
    except KeyboardInterrupt:
        told.goes_on("interrupted")
        return INTERRUPTED, told
    told.print(as_json=options.json)
    return code, told


def _run(airflow: Airflow, told: Telling, *, wait: bool, seconds: float) -> int:
    until = time.monotonic() + seconds
    code, built = _one(airflow, told, told.wish.pipeline, told.wish.conf, until if wait else None)
    pushes = [one.push for one in built if one.image is not None]
    if code == OK and told.wish.deploys_after and pushes:
        push = pushes[0]
        conf = {"repository": push.repository, "ref": push.ref, "commit": push.commit}
        code, _ = _one(airflow, told, DEPLOY_DAG, conf, until)
    return code


def _one(
    airflow: Airflow, told: Telling, dag_id: str, conf: Json, until: float | None
) -> tuple[int, list[Built]]:
    note = f"started by `slipway run`, key {told.key}"
    begun, new = start(airflow, dag_id, conf, told.key, note)
    told.started(airflow.url, begun, new=new)
    if until is None:
        return OK, []
    stages = RunFollower(airflow, dag_id, begun["dag_run_id"]).wait(until, told.follow(airflow))
    state = stages[0].state if stages else begun["state"]
    if state not in ("success", "failed"):
        told.goes_on("not finished in time")
        told.ended(state, [], [])
        return TIMED_OUT, []
    builts, deployments = results(airflow, stages)
    told.ended(state, builts, deployments)
    return (OK if state == "success" else NOT_SO), builts
