"""What tasks of a push hand on through an alias is joined to it before the first of them ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetActive, AssetAliasModel, AssetModel
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.orm import Session, joinedload

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PushStep
from slipway.flow.ref_order import Reported
from slipway.pushes import store
from slipway.pushes.outlets import HANDED_ON
from slipway.pushes.starting import start
from tests.server.conftest import session_of
from tests.server.sender import COMMIT

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def known(engine: Engine) -> Iterator[None]:
    """Aliases and assets as Airflow's DAG processor makes them; what other tests left of them is removed."""
    forget(engine)
    with session_of(engine) as session:
        for alias, assets in HANDED_ON.values():
            session.add(AssetAliasModel(name=alias.name, group=alias.group))
            for asset in assets:
                session.add(AssetModel(name=asset.name, uri=asset.uri, group=asset.group))
                session.add(AssetActive(name=asset.name, uri=asset.uri))
    yield
    forget(engine)


def forget(engine: Engine) -> None:
    """Remove all assets, aliases and events."""
    with session_of(engine) as session:
        for name in ("asset_alias_asset", "asset_alias_asset_event", "asset_event"):
            session.execute(text(f"DELETE FROM {name}"))
        for table in (AssetActive, AssetModel, AssetAliasModel):
            session.execute(delete(table))


def begin(engine: Engine, dag_id: str, commit: str) -> None:
    """Create the run of a DAG that follows from a push."""
    push = PushEvent(repository="Octo/Hello", ref="refs/heads/main", commit=commit)
    with session_of(engine) as session:
        reported = Reported(push=push, source="sweep")
        one = store.insert(session, f"push~{commit}", reported, NOW, NOW, PushStep(state="looking"))
        start(session, dag_id, one)


def joined(engine: Engine) -> dict[str, set[str]]:
    """Return the assets of each alias that has some."""
    with session_of(engine) as session:
        query = select(AssetModel).options(joinedload(AssetModel.aliases))
        found: dict[str, set[str]] = {}
        for asset in session.scalars(query).unique():
            for alias in asset.aliases:
                found.setdefault(alias.name, set()).add(asset.name)
        return found


@pytest.mark.parametrize("dag_id", [PUSH, DEPLOY])
def test_a_runs_alias_is_joined_to_its_assets_once(engine: Engine, dag_id: str) -> None:
    alias, assets = HANDED_ON[dag_id]
    for commit in (COMMIT, COMMIT[::-1]):
        begin(engine, dag_id, commit)
        assert joined(engine) == {alias.name: {asset.name for asset in assets}}


def test_a_pipeline_hands_on_through_no_alias(engine: Engine) -> None:
    begin(engine, "container_image", COMMIT)
    assert joined(engine) == {}


@pytest.mark.parametrize("made", [pytest.param("postgresql", marks=pytest.mark.lab)], indirect=True)
@pytest.mark.parametrize("dag_id", [PUSH, DEPLOY])
def test_first_tasks_that_end_at_the_same_time_do_not_wait_for_each_other(
    engine: Engine, dag_id: str
) -> None:
    alias, assets = HANDED_ON[dag_id]
    begin(engine, dag_id, COMMIT)
    with Session(engine) as first, Session(engine) as second:
        for session in (first, second):
            session.execute(text("SET LOCAL lock_timeout = '5s'"))  # it would wait for the other for ever
            for asset in assets:
                event = asset_manager.register_asset_change(
                    asset=asset, source_alias_names=[alias.name], session=session
                )
                assert event is not None
        first.commit()
        second.commit()
    with session_of(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM asset_event")) == 2 * len(list(assets))
