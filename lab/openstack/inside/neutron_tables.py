"""``python -m lab.openstack.inside.neutron_tables <database>``: Neutron's tables, made from its models.

Its migrations do not run on SQLite; Neutron's own tests make the tables in this way too.
"""

from __future__ import annotations

import sys

import sqlalchemy
from neutron.db.migration.models import head
from neutron_lib.db import model_base

if __name__ == "__main__":
    assert head  # imports every model
    model_base.BASEV2.metadata.create_all(sqlalchemy.create_engine(sys.argv[1]))
