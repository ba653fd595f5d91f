"""Nova: https://docs.openstack.org/nova/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack import compute
from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.settings import Settings, login, token_check
from lab.ports import HOST

FILE = "nova.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    files = [cloud.distribution.file("nova/api-paste.ini"), cloud.of("nova") / FILE]
    return {
        # The first becomes the pipeline of the API, whatever the settings say.
        "OS_NOVA_CONFIG_FILES": ";".join(map(str, files)),
        "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
    }


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("nova")
    return {
        "DEFAULT": {
            "host": "lab",
            "my_ip": HOST,
            "state_path": str(folder),
            "transport_url": "fake://",
            # lab.openstack.inside.hypervisor
            "compute_driver": "lab.LabDriver",
            # Volumes of the lab are there at once.
            "block_device_allocate_retries_interval": "1",
        },
        "database": {"connection": cloud.database("nova")},
        "api_database": {"connection": cloud.database("nova", "nova_api")},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": token_check(cloud, "nova"),
        "service_user": {**login(cloud, "nova"), "send_service_user_token": "true"},
        "placement": login(cloud, "nova"),
        "neutron": login(cloud, "nova"),
        "glance": {"api_servers": cloud.url("glance")},
        "cinder": {**login(cloud, "nova"), "catalog_info": "block-storage::publicURL"},
        "key_manager": {"backend": "nova.keymgr.conf_key_mgr.ConfKeyManager"},
        "oslo_concurrency": {"lock_path": f"{folder}/locks"},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    manage = ["nova-manage", "--config-file", str(cloud.of("nova") / FILE)]
    failed = ["--database_connection", cloud.database("nova", "nova_cell0")]
    return [
        [*manage, "api_db", "sync"],
        [*manage, "cell_v2", "map_cell0", *failed],
        [*manage, "cell_v2", "create_cell", "--name", "cell1"],
        [*manage, "db", "sync"],
    ]


NOVA = Kind(
    name="nova",
    needs=("keystone", "glance", "placement", "neutron", "cinder"),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=compute.seed,
)
