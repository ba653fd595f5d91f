"""Joins aliases to the assets that tasks hand on through them, before the first task does.

Airflow joins the two at the first event, and does not look whether another transaction does so, too: of the
first tasks of an installation that end at the same time, all but one fail, and are not tried again
(``_add_asset_alias_association`` in airflow/assets/manager.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow.models.asset import AssetAliasModel, AssetModel, alias_association_table
from airflow.sdk import Asset, AssetAlias
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from slipway.assets import DEPLOYMENT, DEPLOYMENTS, IMAGES, IMAGES_FOUND
from slipway.flow.followed import DEPLOY, PUSH
from slipway.pushes.dialect import insert_into

HANDED_ON: Mapping[str, tuple[AssetAlias, Iterable[Asset]]] = {
    PUSH: (IMAGES_FOUND, tuple(IMAGES.values())),
    DEPLOY: (DEPLOYMENTS, (DEPLOYMENT,)),
}
"""By DAG; Airflow knows its alias and its assets when it knows the DAGs that name them."""


def join_outlets(session: Session, dag_id: str) -> None:
    """Join the alias of a DAG to its assets, unless they are; in the transaction that creates its run."""
    if dag_id not in HANDED_ON:
        return
    alias, assets = HANDED_ON[dag_id]
    link = alias_association_table
    joined = exists().where(link.c.alias_id == AssetAliasModel.id, link.c.asset_id == AssetModel.id)
    missing = (
        select(AssetAliasModel.id.label("alias_id"), AssetModel.id.label("asset_id"))
        .select_from(AssetAliasModel)
        .join(AssetModel, AssetModel.name.in_([asset.name for asset in assets]))
        .where(AssetAliasModel.name == alias.name, ~joined)
        .order_by(AssetModel.id)  # others wait for these rows in the same order
    )
    if rows := [dict(row) for row in session.execute(missing).mappings()]:
        session.execute(insert_into(session, link).values(rows).on_conflict_do_nothing())
