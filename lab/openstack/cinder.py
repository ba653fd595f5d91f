"""Cinder: https://docs.openstack.org/cinder/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.settings import NEVER, Settings, login, token_check
from lab.ports import HOST

FILE = "cinder.conf"
BACKEND = "lab"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    # Its API takes its settings from the user's home, or from /etc.
    return {"HOME": str(cloud.of("cinder")), "OS_CINDER_DISABLE_EVENTLET_PATCHING": "1"}


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("cinder")
    return {
        "DEFAULT": {
            "host": "lab",
            "my_ip": HOST,
            "auth_strategy": "keystone",
            "state_path": str(folder),
            "transport_url": "fake://",
            "api_paste_config": str(cloud.distribution.file("cinder/api-paste.ini")),
            "resource_query_filters_file": str(cloud.distribution.file("cinder/resource_filters.json")),
            "glance_api_servers": cloud.url("glance"),
            "enabled_backends": BACKEND,
            "quota_volumes": "200",
            # All that report in one process report as the last that started: none counts as dead.
            "service_down_time": NEVER,
        },
        BACKEND: {
            "volume_driver": "lab.openstack.inside.volume_driver.LabVolumes",
            "volume_backend_name": BACKEND,
        },
        "database": {"connection": cloud.database("cinder")},
        "keystone_authtoken": token_check(cloud, "cinder"),
        "service_user": {**login(cloud, "cinder"), "send_service_user_token": "true"},
        "nova": login(cloud, "cinder"),
        "oslo_concurrency": {"lock_path": f"{folder}/locks"},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    return [["cinder-manage", "--config-file", str(cloud.of("cinder") / FILE), "db", "sync"]]


CINDER = Kind(
    name="cinder",
    needs=("keystone",),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
)
