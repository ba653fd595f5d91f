"""Makes and upgrades Slipway's tables with Airflow's own ``airflow db migrate``.

Found through the provider's ``db-managers``; where Slipway is not installed as a distribution, name it in
``[database] external_db_managers = slipway.webhook.db.SlipwayDBManager``.
https://airflow.apache.org/docs/apache-airflow/3.3.2/configurations-ref.html#external-db-managers
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.utils.db_manager import BaseDBManager

from slipway.flow.record import SlipwayError
from slipway.webhook.table import metadata

_HERE = Path(__file__).parent


class SlipwayDBManager(BaseDBManager):  # type: ignore[misc]
    """Slipway's tables, under a version table of their own."""

    metadata = metadata
    version_table_name = "alembic_version_slipway"
    migration_dir = str(_HERE / "migrations")
    alembic_file = str(_HERE / "alembic.ini")
    supports_table_dropping = True
    revision_heads_map = {"0.1.0": "e7a2c4180d93"}

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:
        """Go back to ``to_revision`` ("base" removes the tables).

        :raises SlipwayError: when ``from_revision`` is given without ``show_sql_only``.
        """
        if from_revision and not show_sql_only:
            raise SlipwayError(
                "a downgrade starts at the database's own revision: leave from_revision out, or ask for the "
                "SQL only"
            )
        from alembic import command

        config: Any = self.get_alembic_config()
        revision = f"{from_revision or 'head'}:{to_revision}" if show_sql_only else to_revision
        command.downgrade(config, revision, sql=show_sql_only)
