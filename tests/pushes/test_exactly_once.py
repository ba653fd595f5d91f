"""Hundreds of pushes while servers fail: each is recorded once, and has one run of each DAG that it starts.

``make test-pushes``; ``PUSHES=50`` for fewer.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from tests.pushes.installation import Installation, installation
from tests.pushes.records import DAGS, Records, expected
from tests.pushes.repositories import CommittedPush, commit, names
from tests.pushes.sending import Sent, Servers, send

PUSHES = int(os.environ.get("PUSHES") or 500)
A_SECOND = min(100.0, PUSHES / 5)
SECONDS_EACH = 10
START_SECONDS = 900
SWEEP_AGAIN_SECONDS = 330
"""The sweep leaves younger pushes alone when it looks for lost reports."""
SAID_EVERY_SECONDS = 20
TASKS_KILLED = 2
"""The scheduler is killed when at least so many run."""

pytestmark = [
    pytest.mark.release,
    pytest.mark.timeout(4 * START_SECONDS + SECONDS_EACH * PUSHES),
]


@dataclass
class Story:
    """Prints what happens, with the seconds since the start."""

    begun: float = field(default_factory=time.monotonic)

    def say(self, line: str) -> None:
        """Print a line."""
        print(f"{time.monotonic() - self.begun:6.0f} s  {line}", flush=True)

    def doing(self, what: str, step: Callable[[], None]) -> Callable[[], None]:
        """Return a step that prints its beginning and its end."""

        def done() -> None:
            self.say(what)
            step()
            self.say(f"{what}: done")

        return done


@pytest.fixture(scope="module")
def airflow(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    found = installation(tmp_path_factory.mktemp("pushes"), names(PUSHES))
    with found.running():
        yield found


@pytest.fixture(scope="module")
def database(airflow: Installation) -> Iterator[Engine]:
    engine = create_engine(airflow.postgres.sqlalchemy_url, pool_pre_ping=True)
    yield engine
    engine.dispose()


def test_every_push_has_one_row_and_one_run_of_each_dag(airflow: Installation, database: Engine) -> None:
    story = Story()
    pushes = commit(airflow.bare, airflow.git.url, PUSHES)
    story.say(f"{len(pushes)} pushes over {len(airflow.repositories)} repositories are committed")
    servers, secret = Servers(airflow.servers), airflow.login["SLIPWAY_WEBHOOK_SECRET"]
    early, others = pushes[: PUSHES // 10], pushes[PUSHES // 10 :]
    sent = send(early, servers, secret, A_SECOND, {})
    wait_for(database, story, lambda found: any(run.dag_id == "deploy" for run in found.runs))

    def kill_scheduler() -> None:
        wait_for(database, story, lambda found: found.at_work >= TASKS_KILLED, pause=0.1)
        airflow.kill_scheduler()

    faults = {
        len(others) // 4: story.doing("PostgreSQL restarts", airflow.restart_postgres),
        len(others) // 2: story.doing("one API server is killed", airflow.kill_api_server),
        3 * len(others) // 4: story.doing("the scheduler is killed, and starts", kill_scheduler),
    }
    sent = sent.and_then(send(others, servers, secret, A_SECOND, faults))
    story.say(f"{sum(sent.kinds().values())} deliveries are sent: {dict(sent.kinds())}")
    before = Records.read(database)
    assert sent.accepted <= {push for push in pushes if push.partition_key in before.keys}, "2xx, not stored"
    after = finish(airflow, database, story, pushes)
    print(table(pushes, sent, after, time.monotonic() - story.begun))
    assert after.found() == expected(pushes)
    assert list(after.not_as_wanted(pushes)) == []
    assert after.by_sweep.isdisjoint(push.partition_key for push in sent.accepted)
    assert after.by_sweep, "the faults cost no delivery: nothing was tried"


def finish(airflow: Installation, database: Engine, story: Story, pushes: Sequence[CommittedPush]) -> Records:
    """Sweep until every push is over, or the time is."""
    until = time.monotonic() + START_SECONDS + SECONDS_EACH * PUSHES
    while True:
        story.say("reconcile_pushes starts")
        sweep(airflow)
        found = wait_for(database, story, lambda found: found.are_over(pushes), SWEEP_AGAIN_SECONDS)
        if found.are_over(pushes) or time.monotonic() > until:
            return found


def sweep(airflow: Installation) -> None:
    """Start ``reconcile_pushes``, which waits for no late delivery."""
    login = {"username": airflow.login["AIRFLOW_USER"], "password": airflow.login["AIRFLOW_PASSWORD"]}
    with httpx.Client(base_url=airflow.login["AIRFLOW_URL"], timeout=60, trust_env=False) as client:
        answer = client.post("/auth/token", json=login).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        run = {"logical_date": None, "conf": {"grace_minutes": 0}}
        client.post("/api/v2/dags/reconcile_pushes/dagRuns", json=run).raise_for_status()


def wait_for(
    database: Engine,
    story: Story,
    is_so: Callable[[Records], bool],
    seconds: float = START_SECONDS,
    pause: float = 2.0,
) -> Records:
    """Return what is recorded when something is so, or after so many seconds; print now and then."""
    said, until = 0.0, time.monotonic() + seconds
    while True:
        try:
            found = Records.read(database)
        except OperationalError:  # it restarts
            found = None
        if found and (is_so(found) or time.monotonic() > until):
            return found
        if found and time.monotonic() - said > SAID_EVERY_SECONDS:
            said = time.monotonic()
            story.say(found.summary())
        time.sleep(pause)


def table(pushes: Sequence[CommittedPush], sent: Sent, found: Records, seconds: float) -> str:
    """Return what became of all."""
    there, wanted = found.found(), expected(pushes)
    lines: dict[str, object] = {
        "pushes": len(pushes),
        "deliveries": sum(sent.kinds().values()),
        **{f"  {kind}": number for kind, number in sorted(sent.kinds().items())},
        "deliveries a second": round(sum(sent.kinds().values()) / sent.seconds, 1),
        "redelivered by the sweep": len(found.by_sweep),
        "rows": len(found.rows),
        **{f"  {outcome}": number for outcome, number in Counter(row.outcome for row in found.rows).items()},
        **{f"runs of {dag_id}": sum(run.dag_id == dag_id for run in found.runs) for dag_id in DAGS},
        "doubled": (there - wanted).total(),
        "missing": (wanted - there).total(),
        "tasks that ran again": found.tried_again,
        "seconds": round(seconds),
    }
    return "\n".join(f"{name:<40} {value:>10}" for name, value in lines.items())
