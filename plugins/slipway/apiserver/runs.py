"""Answers tasks' questions out of Airflow's database. Runs in the API server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.apiserver.questions import (
    KnownPush,
    KnownRun,
    Outcome,
    PushesAnswer,
    PushesQuestion,
    RunsAnswer,
    RunsQuestion,
)
from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.orphans import RunState
from slipway.flow.platforms import PIPELINES
from slipway.flow.push import parse_partition_key
from slipway.flow.record import SlipwayError
from slipway.flow.recorded import RecordedPush
from slipway.flow.states import LIVING
from slipway.pushes import store

DAGS = (PUSH, *PIPELINES.values(), DEPLOY)
"""Those that run for pushes."""


def runs(session: Session, question: RunsQuestion) -> RunsAnswer:
    """Return what is known of runs, by id; several DAGs may have runs of one id, which live together."""
    columns = (DagRun.run_id, DagRun.state, DagRun.end_date)
    # By DAG and id, and by each state: so an index answers, however many runs there were.
    dags = list(session.scalars(select(DagModel.dag_id)))
    queries = [select(*columns).where(DagRun.dag_id.in_(dags), DagRun.run_id.in_(question.runs))]
    if question.living:
        queries += [select(*columns).where(DagRun.state == state) for state in LIVING]
    found: dict[str, RunState] = {}
    for run_id, state, ended in (row for query in queries for row in session.execute(query)):
        before = found.get(run_id)
        ends = [at for at in (ended, before.ended if before else None) if at is not None]
        lives = state in LIVING or (before is not None and before.lives)
        found[run_id] = RunState(lives=lives, ended=max(ends, default=None))
    return RunsAnswer(runs=found)


def pushes(session: Session, question: PushesQuestion) -> PushesAnswer:
    """Return what is known of pushes, by partition key."""
    records = _records(session, question.keys)
    started = _runs(session, question.keys, records)
    gone = store.gone_on(session, (one.id for some in records.values() for one in some))
    return PushesAnswer(
        pushes={
            key: KnownPush(
                refs=_pointing(records[key], gone),
                runs=tuple(started[key]),
                images=_handed_on(records[key]),
            )
            for key in question.keys
            if started[key] or records[key]
        },
        under_way=store.count_under_way(session, question.rebuild) if question.rebuild else 0,
    )


def _pointing(records: Iterable[RecordedPush], gone: Container[str]) -> tuple[str, ...]:
    """Return the refs that point to a commit, by what is on record: it is news for any other ref.

    A ref may have gone on and be forced back, without a delivery that says so.
    """
    taken = [one for one in records if one.deploy and one.outcome != "superseded" and one.id not in gone]
    return tuple(dict.fromkeys(one.push.ref for one in taken))


def _records(session: Session, keys: Sequence[str]) -> Mapping[str, list[RecordedPush]]:
    # A key is spelled as whoever asks spells the repository, whoever recorded which push.
    spelled = {key.casefold(): key for key in keys}
    found: dict[str, list[RecordedPush]] = defaultdict(list)
    for one in store.of_commits(session, _parsed(keys)):
        key = one.push.partition_key
        found[spelled.get(key.casefold(), key)].append(one)
    return found


def _parsed(keys: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for key in keys:
        with suppress(SlipwayError):
            yield parse_partition_key(key)


def _runs(
    session: Session, keys: Sequence[str], records: Mapping[str, Sequence[RecordedPush]]
) -> Mapping[str, list[KnownRun]]:
    """Return the runs of pushes, by partition key, and those that a person started and that live."""
    ids = {one.id: key for key, some in records.items() for one in some}
    columns = (DagRun.id, DagRun.partition_key, DagRun.dag_id, DagRun.run_id, DagRun.state)
    of_pushes = select(*columns).where(DagRun.dag_id.in_(DAGS), DagRun.run_id.in_(ids))
    living = select(*columns).where(
        DagRun.dag_id.in_(DAGS), DagRun.state.in_(LIVING), DagRun.partition_key.in_(keys)
    )
    rows = {row[0]: row[1:] for query in (of_pushes, living) for row in session.execute(query)}
    found: dict[str, list[KnownRun]] = defaultdict(list)
    for _, (key, dag_id, run_id, state) in sorted(rows.items()):
        found[ids.get(run_id, key)].append(KnownRun(dag_id=dag_id, run_id=run_id, state=str(state)))
    return found


def _handed_on(records: Sequence[RecordedPush]) -> dict[str, Outcome]:
    """Return what the last push of a commit handed on."""
    progress = records[-1].progress if records else {}
    return {name: _outcome(one.built.to_json()) for name, one in progress.items() if one.built}


def _outcome(built: Mapping[str, Any]) -> Outcome:
    if not built.get("image"):
        return "nothing"
    return "unchanged" if built.get("reused") else "built"
