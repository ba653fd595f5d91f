"""Octavia's API on SQLite and, as a thread beside it, the lab's provider."""

from __future__ import annotations

from contextlib import closing

from octavia.db import api
from octavia.db.repositories import QuotasRepository
from octavia.wsgi.api import application as application
from oslo_config import cfg

from lab.openstack.inside import balancers

KNOWN = "SELECT 1 FROM quotas WHERE project_id = ?"

_ensure_project_exists = QuotasRepository.ensure_project_exists


def start() -> None:
    """Fit Octavia to SQLite, and start the provider."""
    # Octavia says how long to wait for a connection of a pool; oslo.db keeps no pool for a file.
    cfg.CONF.set_default("pool_timeout", None, group="database")
    QuotasRepository.ensure_project_exists = _ensure_known
    balancers.start()


def _ensure_known(quotas: QuotasRepository, project: str) -> None:
    """Make a project's row of quotas unless it is there, which is seen without SQLite's lock.

    Octavia asks in a transaction of its own inside another, which holds the lock. The first that a project
    makes is a load balancer, and for that it asks before the other transaction has begun.
    """
    # SQLAlchemy's own connections begin with the lock.
    with closing(api.get_engine().raw_connection()) as connection:
        known = connection.cursor().execute(KNOWN, [project]).fetchone()
    if not known:
        _ensure_project_exists(quotas, project)
