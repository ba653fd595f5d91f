"""Random histories of repositories and of their deliveries: environments end at what their refs point to.

``SLIPWAY_HISTORIES=7,8`` lives the histories of these seeds; without it they are new ones each time.
"""

from __future__ import annotations

import os
import queue
import random
import secrets
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from tests.dags.pushing import source
from tests.registry_images import remove
from tests.release.history_pauses import Pauses
from tests.release.history_plan import ENVIRONMENTS, Plan, draw
from tests.release.history_records import PushRow, Records, wanted
from tests.release.history_registry import registry
from tests.release.history_walk import Walk

REPOSITORIES = tuple(f"tests/history-{number}" for number in range(1, 5))
COUNT = 20
SEEDS = "SLIPWAY_HISTORIES"


@dataclass(frozen=True)
class Ground:
    """What all histories share."""

    lab: Lab
    airflow: Airflow
    records: Records
    pauses: Pauses


@pytest.fixture
def ground(lab: Lab, airflow_api: httpx.Client) -> Iterator[Ground]:
    web, engine = lab.airflow, create_engine(lab.database)
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        yield Ground(lab, airflow, Records(engine, lab.kubeconfig), Pauses(airflow_api))
    engine.dispose()


@pytest.mark.alone
@pytest.mark.release
@pytest.mark.timeout(3600)
def test_environments_end_at_what_their_refs_point_to_and_never_go_back(
    ground: Ground, tmp_path: Path
) -> None:
    given = os.environ.get(SEEDS, "")
    seeds = [int(one) for one in given.split(",")] if given else random.sample(range(10**6), COUNT)
    print(f"\nthese histories again: {SEEDS}={','.join(map(str, seeds))}")
    free: queue.SimpleQueue[str] = queue.SimpleQueue()
    for repository in REPOSITORIES:
        free.put(repository)

    def live(seed: int) -> str:
        repository = free.get()
        try:
            return lived(ground, draw(seed), repository, tmp_path / str(seed))
        finally:
            free.put(repository)

    with ThreadPoolExecutor(len(REPOSITORIES)) as pool:
        failures = [failure for failure in pool.map(live, seeds) if failure]
    assert not failures, "\n\n".join(failures)


def lived(ground: Ground, plan: Plan, repository: str, folder: Path) -> str:
    """Live a history, and return what is wrong with how it ended; "" when nothing is."""
    name = f"t-{secrets.token_hex(4)}"
    folder.mkdir()
    with registry(ground.lab, folder / "git") as door:
        door.clear(repository)
        code = source(folder / "work", door.login, repository)
        walk = Walk(plan, name, repository, door, ground.records, ground.airflow, ground.pauses, code)
        try:
            walk.live()
            judge(walk)
            print(f"history {plan.seed}: {told(walk)}", flush=True)
            return ""
        except Exception:
            failure = f"{story(walk)}\n{traceback.format_exc()}"
            with suppress(AssertionError):
                walk.quiet()
            return failure
        finally:
            ground.records.remove(name)
            remove(ground.lab.registry, f"docker-local/demo/{name}")
            door.clear(repository)


def judge(walk: Walk) -> None:
    """See in Slipway's records, and in the cluster's, how a history ended, and what came before."""
    rows = {row.id: row for row in walk.rows()}
    assert {row.state for row in rows.values()} == {"over"}
    assert not [row for row in rows.values() if row.outcome == "failed"]
    reported = [row.delivery for row in rows.values() if row.delivery]
    assert len(set(reported)) == len(reported)
    assert set(reported) <= walk.first, "a replay has a push of its own"
    deployed, pods = walk.records.deployments(walk.name), int(walk.plan.pods)
    for environment, refs in ENVIRONMENTS.items():
        sequence = [rows[run] for run in deployed[environment]]
        ranks = [row.rank for row in sequence]
        assert ranks == sorted(ranks), f"{environment} went back: {ranks}"
        last = wanted(list(rows.values()), walk.tips, refs)
        assert [row.commit for row in sequence[-1:]] == [row.commit for row in (last,) if row], environment
        running = walk.records.running(walk.name, environment)
        assert running == next(((row.commit, row.digest, pods) for row in sequence[-1:]), ("", "", 0))


def told(walk: Walk) -> str:
    """Return a history's end in one line."""
    outcomes = Counter(row.outcome for row in walk.rows())
    deployed = {name: len(runs) for name, runs in walk.records.deployments(walk.name).items()}
    return f"{len(walk.plan.steps)} pushes; {dict(outcomes)}; deployments {deployed}"


def story(walk: Walk) -> str:
    """Return all of a history."""

    def line(row: PushRow) -> str:
        what = f"{row.rank} {row.ref} {row.commit[:12]} {row.source}"
        return f"{what} at {row.at:%H:%M:%S.%f} {row.outcome} {row.reason}"

    commits = [f"{number}: {commit[:12]}" for number, commit in walk.commits.items()]
    return "\n  ".join(
        [
            f"history {walk.plan.seed} of {walk.repository}, {walk.name}; again: {SEEDS}={walk.plan.seed}",
            *(f"{number} {step}" for number, step in enumerate(walk.plan.steps)),
            f"sweep {'before' if walk.plan.sweep_first else 'after'} late deliveries",
            *commits,
            *(line(row) for row in walk.rows()),
            str(walk.records.deployments(walk.name)),
        ]
    )
