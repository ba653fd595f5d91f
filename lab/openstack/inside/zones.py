"""Designate's API and, as threads beside it, the rest: central, worker, producer and its small DNS server.

That server (mdns) answers the name server, not people.
"""

from __future__ import annotations

import os

from designate import cmd as cmd  # chooses threads for all that follows
from designate.api import wsgi
from designate.central import service as central
from designate.mdns import service as mdns
from designate.producer import service as producer
from designate.worker import service as worker

# Both are looked for in one folder otherwise; a path that is absolute stays what it is.
wsgi.CONFIG_FILES = os.environ["LAB_DESIGNATE_FILES"].split(os.pathsep)

from designate.wsgi.api import application as application  # noqa: E402


def start() -> None:
    """Start them; what one asks of another before that has started waits for it."""
    for module in (central, worker, producer, mdns):
        module.Service().start()
