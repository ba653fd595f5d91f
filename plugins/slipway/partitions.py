"""Airflow's asset manager, under the name that settings of earlier installations have.

They set ``[core] asset_manager_class`` to it, for partitions of assets, which joined the runs of a push then.
"""

from __future__ import annotations

from airflow.assets.manager import AssetManager


class KeyedAssetManager(AssetManager):  # type: ignore[misc]
    """Airflow's own; remove the setting that names it."""
