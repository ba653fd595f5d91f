"""Ironic: https://docs.openstack.org/ironic/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack import machines
from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.network import NETWORK
from lab.openstack.settings import NEVER, Section, Settings, login, token_check
from lab.ports import HOST

FILE = "ironic.conf"
FOLDERS = ("files", "images", "cache", "tftp", "tftp-cache")
CALLBACK_SECONDS = 8
"""How long Ironic waits for a deploy agent, which the lab does not run."""


def files_url(cloud: Cloud) -> str:
    """Return where the conductor serves images to the machines."""
    return f"http://{HOST}:{cloud.ground.ports.get('ironic-files', 6386)}"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    return {
        "LAB_IRONIC_CONFIG": str(cloud.of("ironic") / FILE),
        "LAB_IRONIC_FILES": str(cloud.of("ironic") / "files"),
        "LAB_IRONIC_FILES_PORT": files_url(cloud).rpartition(":")[2],
    }


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("ironic")
    return {
        "DEFAULT": {"host": "lab", "my_ip": HOST, "auth_strategy": "keystone", **_interfaces()},
        "oslo_messaging_notifications": {"driver": "noop"},
        "api": {"host_ip": HOST, "port": str(cloud.port("ironic"))},
        "conductor": {
            "automated_clean": "true",
            "check_provision_state_interval": "2",
            "deploy_callback_timeout": str(CALLBACK_SECONDS),
            # Each look logs in to a machine's Redfish anew: half of what Ironic costs when idle.
            "sync_power_state_interval": "600",
            # On SQLite the one conductor sends no heartbeats: it never counts as dead.
            "heartbeat_timeout": NEVER,
        },
        "dhcp": {"dhcp_provider": "none"},
        "agent": {"image_download_source": "http"},
        "deploy": {"http_url": files_url(cloud), "http_root": f"{folder}/files"},
        "pxe": {
            "tftp_root": f"{folder}/tftp",
            "tftp_master_path": f"{folder}/tftp-cache",
            "images_path": f"{folder}/images",
            "instance_master_path": f"{folder}/cache",
        },
        "database": {"connection": cloud.database("ironic")},
        "keystone_authtoken": token_check(cloud, "ironic"),
        "service_catalog": {**login(cloud, "ironic"), "endpoint_override": cloud.url("ironic")},
        "glance": login(cloud, "ironic"),
        "neutron": {**login(cloud, "ironic"), "cleaning_network": NETWORK, "provisioning_network": NETWORK},
        "oslo_concurrency": {"lock_path": f"{folder}/locks"},
    }


def _interfaces() -> Section:
    """Return who may do what to a machine; ``lab`` is :mod:`lab.openstack.inside.ironic_machine`."""
    enabled = {
        "bios": "no-bios",
        "boot": "fake,redfish-virtual-media",
        "console": "no-console",
        "deploy": "fake,lab,direct,ramdisk",
        "firmware": "no-firmware",
        "inspect": "no-inspect",
        "management": "fake,redfish",
        "network": "flat,noop",
        "power": "fake,lab,redfish",
        "raid": "no-raid",
        "rescue": "no-rescue",
        "storage": "noop",
        "vendor": "no-vendor",
    }
    return {
        # One process is the API and the conductor: no broker between them.
        "rpc_transport": "none",
        # A tenant's private image goes onto the tenant's nodes.
        "allow_image_access_via_auth_token": "true",
        # The machines' disks are not read: a copy as raw bytes would only cost time.
        "force_raw_images": "false",
        "enabled_hardware_types": "fake-hardware,redfish",
        **{f"enabled_{kind}_interfaces": names for kind, names in enabled.items()},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    for name in FOLDERS:
        (cloud.of("ironic") / name).mkdir(exist_ok=True)
    return [["ironic-dbsync", "--config-file", str(cloud.of("ironic") / FILE), "create_schema"]]


IRONIC = Kind(
    name="ironic",
    needs=("keystone", "glance", "neutron", "redfish"),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=machines.seed,
    module="lab.openstack.inside.ironic_service",
    # A config drive is a disk image.
    packages=("genisoimage",),
)
