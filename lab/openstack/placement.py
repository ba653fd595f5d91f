"""Placement: https://docs.openstack.org/placement/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.settings import Settings, token_check

FILE = "placement.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    return {"OS_PLACEMENT_CONFIG_DIR": str(cloud.of("placement"))}


def _settings(cloud: Cloud) -> Settings:
    return {
        "placement_database": {"connection": cloud.database("placement")},
        "keystone_authtoken": token_check(cloud, "placement"),
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    return [["placement-manage", "--config-file", str(cloud.of("placement") / FILE), "db", "sync"]]


PLACEMENT = Kind(
    name="placement",
    needs=("keystone",),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
)
