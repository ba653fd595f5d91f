"""Designate's API and, as threads beside it, the rest: central, worker, producer and its small DNS server.

That server (mdns) answers the name server, not people.
"""

from __future__ import annotations

import os

from designate import cmd as cmd  # chooses threads for all that follows
from designate.api import wsgi
from designate.central import service as central
from designate.context import DesignateContext
from designate.mdns import service as mdns
from designate.producer import service as producer
from designate.storage import sql
from designate.storage.sqlalchemy import SQLAlchemyStorage, tables
from designate.worker import service as worker
from oslo_utils import timeutils
from sqlalchemy import select, update

# Both are looked for in one folder otherwise; a path that is absolute stays what it is.
wsgi.CONFIG_FILES = os.environ["LAB_DESIGNATE_FILES"].split(os.pathsep)

from designate.wsgi.api import application as application  # noqa: E402


def start() -> None:
    """Start them; what one asks of another before that has started waits for it."""
    SQLAlchemyStorage.increment_serial = _increment_serial
    for module in (central, worker, producer, mdns):
        module.Service().start()


def _increment_serial(storage: SQLAlchemyStorage, context: DesignateContext, zone: str) -> int:
    """Give a zone a serial that is always greater than the one before.

    Designate takes the clock's second. Of two changes within one, which take turns here that are shorter
    than Designate's own, a name server would never transfer the second.
    """
    del storage, context
    zones = tables.zones
    with sql.get_write_session() as session:
        before = session.execute(select(zones.c.serial).where(zones.c.id == zone)).scalar_one()
        serial = max(timeutils.utcnow_ts(), before + 1)
        session.execute(update(zones).where(zones.c.id == zone).values(serial=serial, increment_serial=False))
    return int(serial)
