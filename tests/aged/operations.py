"""What an installation does all day, by the product's own functions and routes."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from slipway.apiserver.client import (
    ask_history,
    ask_kept,
    ask_push,
    ask_pushes,
    ask_runs,
    ask_turn,
    report_built,
    report_looked,
    report_push,
    report_released,
    settle_pushes,
)
from slipway.apiserver.freezes import in_force
from slipway.apiserver.questions import TurnQuestion
from slipway.cli.api import Airflow
from slipway.cli.query import find_pushes, get_some, get_statuses
from slipway.cli.settings import Login
from slipway.flow.apps import Apps
from slipway.flow.deployment import Deployment
from slipway.flow.ended import Ended
from slipway.flow.night import RebuildTurn, Started
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.recorded import RecordedPush
from slipway.flow.ref_order import Reported
from slipway.flow.retention.promises import rules
from slipway.flow.turns import Contender, TurnPlace
from slipway.listeners import outcome, reading
from slipway.pipelines.upkeep import nightly_rebuild
from slipway.pushes.health import health
from slipway.pushes.reporting import run_ended
from slipway.webhook import inbox
from slipway.webhook.search import Search
from tests.aged import records
from tests.aged.history import APPLICATIONS
from tests.server.conftest import session_of
from tests.server.sender import Sender, push

Operations = Mapping[str, Callable[[], object]]
BY_AIRFLOW = ("slipway status", "slipway status --app")
"""Ask Airflow's REST API, whose lists read as many lines as they show, and count the others."""
NIGHTLY = 25
"""Rebuilds of a night that are begun in one round."""
REMOVED = 50
"""Images that retention would remove in one round."""


def apps() -> Apps:
    """Return ``apps.yaml`` of all applications."""
    production = {"production": {"refs": ["refs/heads/main"], "namespace": "acme"}}
    names = [f"octo/app-{number}" for number in range(APPLICATIONS)]
    return Apps.from_json(
        {
            "version": 1,
            "applications": {name: {"tenant": "acme", "environments": production} for name in names},
        }
    )


def operations(engine: Engine, sender: Sender, login: Login) -> Operations:
    """Return what is measured, by its name; each can be carried out any number of times.

    :param login: to Airflow's API server.
    """
    known, newest = apps(), _newest(engine)
    numbers = itertools.count()
    ids = [*_runs_of(newest[:20]), *(f"unknown-{number}" for number in range(20))]

    def pushed() -> RecordedPush:
        name, commit = f"octo/app-{next(numbers) % APPLICATIONS}", secrets.token_hex(20)
        payload = push(repository={"full_name": name}, after=commit, head_commit={"id": commit})
        answer = sender.deliver(payload)
        assert answer.status_code == 202, answer.text
        return ask_push(answer.json()["push"])

    def delivered() -> None:
        """Take a push from its delivery to its deployment."""
        one = pushed()
        report_looked(one.id, {"container": PlatformProgress(state="building")})
        built = records.BUILTS["container"].model_copy(update={"push": one.push})
        report_built(one.id, "container", PlatformProgress(state="done", built=built))
        made = records.DEPLOYMENT.model_copy(update={"push": one.push, "since": datetime.now(UTC)})
        ask_turn(_turn(one))
        report_released((), [Deployment.from_json(made.to_json())])
        _end(engine, one)

    def replayed() -> None:
        """Deliver again what was pushed last."""
        for one in newest[-4:]:
            repository = {"full_name": one.repository, "pushed_at": int(one.at.timestamp())}
            again = push(repository=repository, before="", after=one.commit)
            answer = sender.deliver(again)
            assert answer.json()["status"] == "already received", answer.text

    def night() -> None:
        """Begin some rebuilds, and look how all of the night's are."""
        name = f"2030-{next(numbers):04}"
        for one in newest[:NIGHTLY]:
            assert not nightly_rebuild.is_busy(name, NIGHTLY + 1)
            again = one.model_copy(update={"rebuild": name, "at": datetime.now(UTC)})
            report_push(Reported(push=again, source="night"))
        turns = [
            RebuildTurn(repository=one.repository, ref=one.ref, deploy=True, seconds=0) for one in newest
        ]
        begun = [Started(turn=turn, push=one) for turn, one in zip(turns, newest, strict=True)]
        assert len(nightly_rebuild.look(begun)) == APPLICATIONS

    def retention() -> None:
        """Ask what must stay, and whether what goes is at work."""
        assert len(ask_kept(rules(known, datetime.now(UTC)))) == APPLICATIONS
        for one in newest[:REMOVED]:
            ask_pushes([one.partition_key])

    def reconcile() -> None:
        """Settle what lost its report, and compare what all refs point to."""
        settle_pushes()
        found = ask_pushes(one.partition_key for one in newest)
        assert all("refs/heads/main" in one.refs for one in found.values())
        assert len(found) == APPLICATIONS

    def reap() -> None:
        """Ask which runs of leftovers live."""
        assert len(ask_runs(ids)) >= len(newest[:20])

    def rollback() -> None:
        """Choose what to go back to."""
        for one in newest[-5:]:
            assert ask_history([one.repository], "production", one.commit)

    def search() -> None:
        """Prune the inbox, and look for a delivery that a sensor waits for."""
        with session_of(engine) as session:
            inbox.prune(session, datetime.now(UTC))
            since = datetime.now(UTC) - timedelta(hours=1)
            inbox.find(session, Search(event="workflow_run", since=since))

    def looks() -> None:
        """What monitors and people look at."""
        with session_of(engine) as session:
            health(session)
            in_force(session, known, datetime.now(UTC))

    def status() -> None:
        """Show every application, with the command."""
        with Airflow(login) as airflow:
            assert len(get_statuses(airflow)) == APPLICATIONS

    def status_of_some() -> None:
        """Show one application, and one commit."""
        with Airflow(login) as airflow:
            one = newest[-1]
            [found] = find_pushes(airflow, repository=one.repository)
            [same] = find_pushes(airflow, commit=one.commit)
            assert found.id == same.id
            assert get_some(airflow, [found.id])

    return {
        "slipway status": status,
        "slipway status --app": status_of_some,
        "a push, to its deployment": delivered,
        "four deliveries sent again": replayed,
        "a night's plan": night,
        "retention": retention,
        "reconcile_pushes": reconcile,
        "reap_orphans": reap,
        "rollback's choice": rollback,
        "the inbox": search,
        "health and freezes": looks,
    }


def _newest(engine: Engine) -> list[PushEvent]:
    """Return each application's newest push, which all databases have."""
    with session_of(engine) as session:
        query = select(DagRun.conf).where(DagRun.dag_id == "push").order_by(DagRun.run_after.desc())
        newest: dict[str, Any] = {}
        for conf in session.scalars(query):
            newest.setdefault(conf["push"]["repository"], conf["push"])
    return sorted(map(PushEvent.from_json, newest.values()), key=lambda one: one.repository)


def _turn_of(one: PushEvent) -> RebuildTurn:
    return RebuildTurn(repository=one.repository, ref=one.ref, deploy=True, seconds=0)


def _runs_of(some: Sequence[PushEvent]) -> list[str]:
    return [one.runs[0].run_id for one in ask_pushes(one.partition_key for one in some).values()]


def _turn(one: RecordedPush) -> TurnQuestion:
    return TurnQuestion(
        place=TurnPlace(repository=one.push.repository, application="app", environment="production"),
        mine=Contender(dag_id="deploy", run_id=one.id, commit=one.push.commit, at=one.push.at),
    )


def _end(engine: Engine, one: RecordedPush) -> None:
    """End the push's runs, as the listener does."""
    with session_of(engine) as session:
        for run in _runs(session, one.id):
            run.start_date = run.end_date = datetime.now(UTC)
            line = reading.note(session, run, good=True)
            deployed = bool(reading.deployments(session, run))
            run_ended(session, run.dag_id, run.run_id, good=True, deployed=deployed, said=line)
            run.set_state("success")
            bad = Ended.from_json(records.ENDED.to_json() | {"run_id": run.run_id, "dag_id": run.dag_id})
            outcome._register(session, bad)


def _runs(session: Session, run_id: str) -> list[Any]:
    dags = ("push", "container_image", "deploy")
    return list(session.scalars(select(DagRun).where(DagRun.dag_id.in_(dags), DagRun.run_id == run_id)))
