"""Designate: https://docs.openstack.org/designate/latest/"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from lab.openstack import names
from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.nameserver import CATALOG, designate_port, port
from lab.openstack.settings import Settings, token_check
from lab.ports import HOST

FILE = "designate.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    files = [cloud.distribution.file("designate/api-paste.ini"), cloud.of("designate") / FILE]
    # lab.openstack.inside.zones
    return {"LAB_DESIGNATE_FILES": os.pathsep.join(map(str, files))}


def _settings(cloud: Cloud) -> Settings:
    return {
        "DEFAULT": {
            "host": "lab",
            "state_path": str(cloud.of("designate")),
            "transport_url": "fake://",
            "quota_zones": "100",
        },
        "service:api": {"auth_strategy": "keystone", "api_base_uri": f"{cloud.url('designate')}/"},
        "service:central": {"managed_resource_email": names.EMAIL},
        "service:mdns": {"listen": f"{HOST}:{designate_port(cloud)}"},
        "service:worker": {
            # Seconds: the name server is asked so soon, and so often, whether it has a change.
            "poll_delay": "1",
            "poll_retry_interval": "1",
            "poll_max_retries": "10",
            # After (2 + 1) x 10 + 1 s, what was asked of the worker and is not done is asked of it again.
            "poll_timeout": "2",
            # By UDP it does not answer its catalog's serial.
            "all_tcp": "true",
        },
        "producer_task:increment_serial": {"interval": "2"},
        "producer_task:worker_periodic_recovery": {"interval": "15"},
        "storage:sqlalchemy": {"connection": cloud.database("designate")},
        "keystone_authtoken": token_check(cloud, "designate"),
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    return [
        ["designate-manage", "--config-file", str(cloud.of("designate") / FILE), "database", "sync"],
        ["python", "-m", "lab.openstack.inside.pool", json.dumps([_pool(cloud)])],
    ]


def _pool(cloud: Cloud) -> Mapping[str, object]:
    """https://docs.openstack.org/designate/latest/admin/pools.html"""
    nameserver = {"host": HOST, "port": port(cloud)}
    return {
        "name": "default",
        "description": "The lab's name server",
        "ns_records": [{"hostname": names.NAMESERVER, "priority": 1}],
        "nameservers": [nameserver],
        # The name server gets no list of zones: it reads the catalog.
        "targets": [
            {
                "type": "fake",
                "masters": [{"host": HOST, "port": designate_port(cloud)}],
                "options": {name: str(value) for name, value in nameserver.items()},
            }
        ],
        "catalog_zone": {"catalog_zone_fqdn": CATALOG, "catalog_zone_refresh": 60},
    }


DESIGNATE = Kind(
    name="designate",
    needs=("keystone", "nameserver"),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=names.seed,
)
