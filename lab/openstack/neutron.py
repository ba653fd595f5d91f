"""Neutron: https://docs.openstack.org/neutron/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack import addresses, network
from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor.layout import BRIDGE, PHYSICAL_NETWORK, Layout
from lab.openstack.kind import Kind
from lab.openstack.settings import Settings, login, token_check

FILE = "neutron.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    return {
        "OS_NEUTRON_CONFIG_FILES": str(cloud.of("neutron") / FILE),
        # lab.openstack.inside.mechanism: read where a lab has a hypervisor.
        "SLIPWAY_LAB_BRIDGE": BRIDGE,
        "SLIPWAY_LAB_DHCP": str(Layout(cloud).folder),
    }


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("neutron")
    return {
        "DEFAULT": {
            "host": "lab",
            "core_plugin": "ml2",
            # Routers and floating IPs are rows of the database: no agent carries them out.
            "service_plugins": "router",
            "enable_dvr": "false",
            "auth_strategy": "keystone",
            "api_paste_config": str(cloud.distribution.file("neutron/api-paste.ini")),
            "state_path": str(folder),
            "transport_url": "fake://",
            "dhcp_agent_notification": "false",
        },
        "database": {"connection": cloud.database("neutron")},
        "keystone_authtoken": token_check(cloud, "neutron"),
        "ml2": {
            "type_drivers": "local,flat",
            "tenant_network_types": "local",
            # lab.openstack.inside.mechanism
            "mechanism_drivers": "lab",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": PHYSICAL_NETWORK},
        "nova": login(cloud, "nova"),
        "oslo_concurrency": {"lock_path": f"{folder}/locks"},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    return [["python", "-m", "lab.openstack.inside.neutron_tables", cloud.database("neutron")]]


def _seed(cloud: Cloud) -> None:
    network.seed(cloud)
    addresses.seed(cloud)


NEUTRON = Kind(
    name="neutron",
    needs=("keystone",),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=_seed,
    clear=addresses.clear,
)
