"""Gunicorn with settings of ours: https://docs.gunicorn.org/en/stable/custom.html

(uWSGI's own HTTP server breaks kept connections and chunked uploads.)
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from lab.openstack.inside import sqlite
from lab.openstack.inside.applications import Application

HOST = "127.0.0.1"
GRACE_SECONDS = 2


class Server(BaseApplication):
    """One worker, with threads."""

    def __init__(self, application: Application, port: int) -> None:
        self.application_of = application
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings: https://docs.gunicorn.org/en/stable/settings.html"""
        threads = self.application_of.threads
        settings = {
            "bind": f"{HOST}:{self.port}",
            "workers": 1,
            "worker_class": "gthread" if threads > 1 else "sync",
            "threads": threads,
            # An upload may take its time.
            "timeout": 0,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": 30,
            # Nova asks Neutron for the ports of all servers of a list in one line.
            "limit_request_line": 0,
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the WSGI application; called in the worker, whose end by failure here ends the server."""
        try:
            return self._load()
        except Exception:
            # Threads that were started already would keep a failed worker alive.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(Arbiter.WORKER_BOOT_ERROR)

    def _load(self) -> Any:
        if self.application_of.locks:
            sqlite.keep_connections()
            sqlite.lock_at_begin()
        application = importlib.import_module(self.application_of.module).application
        # Not before: who imports it first chooses how the process's threads are made.
        if "oslo_messaging" in sys.modules:
            importlib.import_module("lab.openstack.inside.messages").arrive_at_once()
        if self.application_of.beside:
            importlib.import_module(self.application_of.beside).start()
        return application
