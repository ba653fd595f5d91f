"""Cinder's API and, as threads beside it, the rest: one backend and the scheduler."""

from __future__ import annotations

from cinder import monkey_patch

monkey_patch.patch()  # by the service's environment, to threads

from cinder import service  # noqa: E402
from cinder.common import constants  # noqa: E402
from cinder.wsgi.api import application as application  # noqa: E402

from lab.openstack.cinder import BACKEND  # noqa: E402


def start() -> None:
    """Start them, and return when the scheduler knows the backend."""
    host = f"{service.CONF.host}@{BACKEND}"
    service.Service.create(host=host, binary=constants.VOLUME_BINARY, service_name=BACKEND).start()
    service.Service.create(binary=constants.SCHEDULER_BINARY).start()
