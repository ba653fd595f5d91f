"""Events of one partition key that arrive at the same moment, in databases that Airflow made."""

from __future__ import annotations

import threading
from collections.abc import Callable

from airflow.models.asset import AssetModel
from airflow.sdk import Asset
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from slipway.assets import CONTAINER_IMAGE, VM_IMAGE
from slipway.partitions import KeyedAssetManager

KEY = "tests/app@" + "1" * 40
OVERLAP_SECONDS = 1.0
"""How long the first event stays uncommitted, unless the second does not wait for it."""


def happened(session: Session, asset: Asset, key: str) -> None:
    found = session.scalar(select(AssetModel).where(AssetModel.name == asset.name))
    assert found is not None
    KeyedAssetManager.register_asset_change(asset=found, session=session, partition_key=key)


def test_events_of_two_assets_at_once_wait_for_one_run(
    engine: Engine, queued: Callable[[], list[tuple[str, str]]]
) -> None:
    second = threading.Event()

    def other() -> None:
        with Session(engine) as session, session.begin():
            happened(session, VM_IMAGE, KEY)
        second.set()

    thread = threading.Thread(target=other)
    with Session(engine) as session, session.begin():
        happened(session, CONTAINER_IMAGE, KEY)
        thread.start()
        assert not second.wait(OVERLAP_SECONDS), "it did not wait for the first"
    thread.join(60)
    assert second.is_set()
    assert queued() == [("gate", KEY)]


def test_events_of_other_keys_do_not_wait(
    engine: Engine, queued: Callable[[], list[tuple[str, str]]]
) -> None:
    if engine.dialect.name == "sqlite":
        return  # one writer at a time is all that it knows
    with Session(engine) as session, session.begin():
        happened(session, CONTAINER_IMAGE, KEY)
        with Session(engine) as another, another.begin():
            happened(another, VM_IMAGE, KEY + "x")
    assert sorted(queued()) == [("gate", KEY), ("gate", KEY + "x")]
