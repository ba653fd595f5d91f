"""Ports without agents: of hosts without a machine, and of one that has a bridge.

https://docs.openstack.org/neutron-lib/latest/reference/modules/neutron_lib.plugins.ml2.api.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api
from oslo_config import cfg

from lab.openstack.inside.dhcp import Dhcp


class Mechanism(api.MechanismDriver):
    """Binds every port at once: there is no agent that would plug it, and none that could fail.

    A flat network is the bridge's, which reaches the servers of the host called as this one in the settings
    (``lab``); every other network reaches the hosts that have no machine.
    """

    def initialize(self) -> None:
        """Find out where DHCP's addresses are kept."""
        self.bridge = os.environ["SLIPWAY_LAB_BRIDGE"]
        self.dhcp = Dhcp(Path(os.environ["SLIPWAY_LAB_DHCP"]), self.bridge)

    def bind_port(self, context: Any) -> None:
        """Bind to the first segment that reaches the port's host; the port is active."""
        for segment in context.segments_to_bind:
            flat = segment[api.NETWORK_TYPE] == constants.TYPE_FLAT
            if flat != (context.host == cfg.CONF.host):
                continue
            kind = portbindings.VIF_TYPE_TAP if flat else portbindings.VIF_TYPE_OVS
            details: dict[str, Any] = {portbindings.CAP_PORT_FILTER: False}
            if flat:
                details[portbindings.VIF_DETAILS_BRIDGE_NAME] = self.bridge
            context.set_binding(segment[api.ID], kind, details, status=constants.PORT_STATUS_ACTIVE)
            return

    def update_port_postcommit(self, context: Any) -> None:
        """Give a port of the bridge its address, once it is bound."""
        if context.vif_type == portbindings.VIF_TYPE_TAP:
            self.dhcp.give(context.current)

    def delete_port_postcommit(self, context: Any) -> None:
        """Take its address back."""
        self.dhcp.take(context.current)
