"""Answers tasks' questions out of Airflow's database. Runs in the API server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dagrun import DagRun
from sqlalchemy import or_, select
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
from slipway.flow.orphans import RunState
from slipway.flow.platforms import PLATFORMS
from slipway.flow.push import parse_partition_key
from slipway.flow.record import SlipwayError
from slipway.flow.recorded import RecordedPush
from slipway.flow.states import LIVING
from slipway.pushes import store

IMAGES = tuple(one.asset for one in PLATFORMS.values())


def runs(session: Session, question: RunsQuestion) -> RunsAnswer:
    """Return what is known of runs, by id; several DAGs may have runs of one id, which live together."""
    wanted = DagRun.run_id.in_(question.runs)
    if question.living:
        wanted = or_(wanted, DagRun.state.in_(LIVING))
    query = select(DagRun.run_id, DagRun.state, DagRun.end_date).where(wanted)
    found: dict[str, RunState] = {}
    for run_id, state, ended in session.execute(query):
        before = found.get(run_id)
        ends = [at for at in (ended, before.ended if before else None) if at is not None]
        lives = state in LIVING or (before is not None and before.lives)
        found[run_id] = RunState(lives=lives, ended=max(ends, default=None))
    return RunsAnswer(runs=found)


def pushes(session: Session, question: PushesQuestion) -> PushesAnswer:
    """Return what is known of pushes, by partition key."""
    asked = question.keys
    events, started, records = _events(session, asked), _runs(session, asked), _records(session, asked)
    gone = store.gone_on(session, (one.id for key in asked for one in records[key]))
    return PushesAnswer(
        pushes={
            key: KnownPush(
                refs=_pointing(records[key], gone, events[key]),
                runs=tuple(started[key]),
                images=_images(events[key]) | _handed_on(records[key]),
            )
            for key in asked
            if events[key] or started[key] or records[key]
        },
        under_way=store.count_under_way(session, question.rebuild) if question.rebuild else 0,
    )


def _pointing(
    records: Iterable[RecordedPush], gone: Container[str], events: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[str, ...]:
    """Return the refs that point to a commit, by what is on record: it is news for any other ref.

    A ref may have gone on and be forced back, without a delivery that says so. Events of images count for
    what was pushed before pushes had a table.
    """
    recorded = {one.push.ref for one in records}
    pointing = [
        one.push.ref for one in records if one.deploy and one.outcome != "superseded" and one.id not in gone
    ]
    older = [ref for ref in _refs(events) if ref not in recorded]
    return tuple(dict.fromkeys([*pointing, *older]))


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


def _events(session: Session, keys: Sequence[str]) -> Mapping[str, list[tuple[str, Mapping[str, Any]]]]:
    query = (
        select(AssetEvent.partition_key, AssetModel.name, AssetEvent.extra)
        .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        .where(AssetEvent.partition_key.in_(keys), AssetModel.name.in_(IMAGES))
        .order_by(AssetEvent.timestamp, AssetEvent.id)
    )
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for key, name, extra in session.execute(query):
        found[key].append((name, extra or {}))
    return found


def _runs(session: Session, keys: Sequence[str]) -> Mapping[str, list[KnownRun]]:
    columns = (DagRun.partition_key, DagRun.dag_id, DagRun.run_id, DagRun.state)
    query = select(*columns).where(DagRun.partition_key.in_(keys)).order_by(DagRun.id)
    found: dict[str, list[KnownRun]] = defaultdict(list)
    for key, dag_id, run_id, state in session.execute(query):
        found[key].append(KnownRun(dag_id=dag_id, run_id=run_id, state=str(state)))
    return found


def _refs(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterable[str]:
    pushed = (extra.get("push") or {} for _, extra in events)  # a person's build has no event of a push
    return dict.fromkeys(str(push["ref"]) for push in pushed if push.get("ref"))


def _images(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Outcome]:
    """Return the last results of the pipelines."""
    handed = [extra for name, extra in events if name in IMAGES and extra.get("platform")]
    return {str(extra["platform"]): _outcome(extra) for extra in handed}


def _handed_on(records: Sequence[RecordedPush]) -> dict[str, Outcome]:
    """Return what the last push of a commit handed on."""
    progress = records[-1].progress if records else {}
    return {name: _outcome(one.built.to_json()) for name, one in progress.items() if one.built}


def _outcome(built: Mapping[str, Any]) -> Outcome:
    if not built.get("image"):
        return "nothing"
    return "unchanged" if built.get("reused") else "built"
