"""``python -m lab.openstack.inside.octavia_tables <database>``: Octavia's tables, made from its models.

Its migrations do not run on SQLite. Besides tables they make the rows that others refer to: the names of
states, protocols and the like.
"""

from __future__ import annotations

import sys

import sqlalchemy
from octavia.common import constants
from octavia.db import base_models, models
from sqlalchemy.orm import Session

NAMES = {
    models.Algorithm: constants.SUPPORTED_LB_ALGORITHMS,
    models.AmphoraRoles: constants.SUPPORTED_AMPHORA_ROLES,
    models.ClientAuthenticationMode: constants.SUPPORTED_CLIENT_AUTH_MODES,
    models.HealthMonitorType: constants.SUPPORTED_HEALTH_MONITOR_TYPES,
    models.L7PolicyAction: constants.SUPPORTED_L7POLICY_ACTIONS,
    models.L7RuleCompareType: constants.SUPPORTED_L7RULE_COMPARE_TYPES,
    models.L7RuleType: constants.SUPPORTED_L7RULE_TYPES,
    models.LBTopology: constants.SUPPORTED_LB_TOPOLOGIES,
    models.OperatingStatus: constants.SUPPORTED_OPERATING_STATUSES,
    models.Protocol: constants.SUPPORTED_PROTOCOLS,
    models.ProvisioningStatus: constants.SUPPORTED_PROVISIONING_STATUSES,
    models.SessionPersistenceType: constants.SUPPORTED_SP_TYPES,
    models.VRRPAuthMethod: constants.SUPPORTED_VRRP_AUTH,
}

if __name__ == "__main__":
    engine = sqlalchemy.create_engine(sys.argv[1])
    base_models.BASE.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for model, names in NAMES.items():
            for name in names:
                session.merge(model(name=name))
