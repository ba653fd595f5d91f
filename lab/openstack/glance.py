"""Glance: https://docs.openstack.org/glance/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.images.vm import PACKAGES, vm_base
from lab.images.vm_publish import put_into_glance
from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.login import administrator
from lab.openstack.settings import Settings, token_check
from lab.ports import HOST

FILE = "glance-api.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    return {"OS_GLANCE_CONFIG_DIR": str(cloud.of("glance"))}


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("glance")
    return {
        "DEFAULT": {
            "enabled_backends": "local:file",
            "enabled_import_methods": "[glance-direct,web-download]",
            "worker_self_reference_url": cloud.url("glance"),
        },
        "database": {"connection": cloud.database("glance")},
        "keystone_authtoken": token_check(cloud, "glance"),
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": str(cloud.distribution.file("glance/glance-api-paste.ini")),
        },
        "glance_store": {"default_backend": "local"},
        "local": {
            "filesystem_store_datadir": f"{folder}/images",
            # Sixteen times what it is otherwise: uploads are four times as fast.
            "filesystem_store_chunk_size": str(1 << 20),
        },
        "os_glance_staging_store": {"filesystem_store_datadir": f"{folder}/staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": f"{folder}/tasks"},
        # Downloads from this machine, which Glance refuses otherwise, and from nowhere else.
        "import_filtering_opts": {"allowed_hosts": f"[{HOST}]", "allowed_ports": "[]"},
        "oslo_concurrency": {"lock_path": f"{folder}/locks"},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    for name in ("images", "staging", "tasks"):
        (cloud.of("glance") / name).mkdir(exist_ok=True)
    return [["glance-manage", "--config-file", str(cloud.of("glance") / FILE), "db_sync"]]


def _seed(cloud: Cloud) -> None:
    """Give it the base image of virtual machines."""
    paths = cloud.ground.paths
    image = vm_base(paths.cache, paths.logs / "vm-base.log")
    with administrator(cloud) as admin:
        _base(cloud).write_text(put_into_glance(admin, image))


def _base(cloud: Cloud) -> Path:
    return cloud.of("glance") / "base"


def _exports(cloud: Cloud) -> Mapping[str, str]:
    known = _base(cloud)
    return {"SLIPWAY_VM_BASE": known.read_text()} if known.exists() else {}


GLANCE = Kind(
    name="glance",
    needs=("keystone",),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=_seed,
    exports=_exports,
    packages=PACKAGES,
)
