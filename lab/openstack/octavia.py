"""Octavia: https://docs.openstack.org/octavia/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.openstack.settings import Settings, login, token_check

FILE = "octavia.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    # Its API takes its settings from the user's home, or from /etc.
    return {"HOME": str(cloud.of("octavia"))}


def _settings(cloud: Cloud) -> Settings:
    # No policy of the lab's own: by Octavia's defaults the role ``member`` balances its project's loads.
    return {
        "DEFAULT": {"transport_url": "fake://"},
        "api_settings": {
            "auth_strategy": "keystone",
            "api_base_uri": cloud.url("octavia"),
            # lab.openstack.inside.balancers
            "enabled_provider_drivers": "lab:Load balancers that carry no traffic",
            "default_provider_driver": "lab",
        },
        "controller_worker": {
            # The address of a load balancer is a port of Neutron's.
            "network_driver": "allowed_address_pairs_driver",
            "compute_driver": "compute_noop_driver",
        },
        "database": {"connection": cloud.database("octavia")},
        "keystone_authtoken": token_check(cloud, "octavia"),
        "service_auth": login(cloud, "octavia"),
        "neutron": login(cloud, "octavia"),
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    return [["python", "-m", "lab.openstack.inside.octavia_tables", cloud.database("octavia")]]


OCTAVIA = Kind(
    name="octavia",
    needs=("keystone", "neutron"),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
)
