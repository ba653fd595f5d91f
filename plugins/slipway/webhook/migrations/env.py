"""How Alembic reaches the database: with Airflow's engine, under Slipway's version table."""

from __future__ import annotations

import contextlib
from typing import Any

from airflow import settings
from alembic import context

from slipway.webhook.db import SlipwayDBManager

metadata = SlipwayDBManager.metadata


def include_object(_object: Any, name: str | None, kind: str, *_rest: Any) -> bool:
    """Leave Airflow's tables alone."""
    return kind != "table" or name in metadata.tables


def run_offline() -> None:
    """Print the SQL."""
    context.configure(
        url=settings.SQL_ALCHEMY_CONN,
        target_metadata=metadata,
        literal_binds=True,
        version_table=SlipwayDBManager.version_table_name,
        include_object=include_object,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the SQL."""
    with contextlib.ExitStack() as stack:
        connection = context.config.attributes.get("connection") or stack.enter_context(
            settings.engine.connect()
        )
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            transaction_per_migration=True,
            version_table=SlipwayDBManager.version_table_name,
            include_object=include_object,
            render_as_batch=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
