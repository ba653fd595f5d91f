"""``python -m lab.openstack.inside.ironic_service``: Ironic's API and conductor, and the conductor's files.

https://docs.openstack.org/ironic/latest/install/standalone/index.html
"""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading

from ironic.command import singleprocess

from lab.openstack.inside import sqlite

HOST = "127.0.0.1"


def main() -> None:
    """Serve until asked to stop."""
    sqlite.keep_connections()
    sqlite.lock_at_begin()
    sqlite.read_without_lock()
    _serve_files(os.environ["LAB_IRONIC_FILES"], int(os.environ["LAB_IRONIC_FILES_PORT"]))
    # Ironic reads the command line as its own.
    sys.argv = ["ironic", "--config-file", os.environ["LAB_IRONIC_CONFIG"]]
    singleprocess.main()


def _serve_files(folder: str, port: int) -> None:
    """Serve what machines fetch from a conductor, from a thread of the process that watches Ironic's."""
    files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer((HOST, port), files)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    main()
