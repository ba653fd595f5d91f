"""A push becomes an event of the asset that the pipelines wait for.

As Airflow's own route does it (airflow/api_fastapi/core_api/routes/public/assets.py), inside the caller's
transaction: the delivery and the event are stored together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel, DagScheduleAssetReference
from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.assets import PUSH
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError


class NotReadyError(SlipwayError):
    """No pipeline would start now; sending the delivery again later will do."""


def register(session: Session, push: PushEvent) -> list[Callable[[], None]]:
    """Register ``push`` under its partition key.

    :return: what tells Airflow's listeners; to be called after the transaction is committed.
    :raises NotReadyError: when no running DAG would take it.
    """
    asset = session.scalar(select(AssetModel).where(AssetModel.name == PUSH.name, AssetModel.uri == PUSH.uri))
    if asset is None:
        raise NotReadyError(
            f"asset {PUSH.name} is not known yet: Airflow's DAG processor has not read the pipelines. Send "
            "it again in a minute, or look for import errors in Airflow"
        )
    _refuse_without_pipeline(session, asset)
    after_commit: list[Callable[[], None]] = []
    asset_manager.register_asset_change(
        asset=asset,
        extra={"push": push.to_json(), "from": "webhook"},
        partition_key=push.partition_key,
        source_is_api=True,
        callback_sink=after_commit,
        session=session,
    )
    return after_commit


def _refuse_without_pipeline(session: Session, asset: AssetModel) -> None:
    waiting = (
        select(DagModel.dag_id, DagModel.is_paused)
        .join(DagScheduleAssetReference, DagScheduleAssetReference.dag_id == DagModel.dag_id)
        .where(
            DagScheduleAssetReference.asset_id == asset.id,
            DagModel.is_stale.is_(False),
            DagModel.timetable_partitioned.is_(True),
        )
    )
    pipelines = session.execute(waiting).all()
    if not pipelines:
        raise NotReadyError(
            f"no DAG is scheduled by the asset {PUSH.name}. Look for import errors in Airflow"
        )
    if all(paused for _, paused in pipelines):
        names = ", ".join(sorted(dag_id for dag_id, _ in pipelines))
        raise NotReadyError(
            f"every pipeline is paused ({names}). Unpause one and send it again: events are not kept for a "
            "paused DAG"
        )
