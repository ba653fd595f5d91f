"""The systems in which Slipway makes temporary things, which ``reap_orphans`` searches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk.exceptions import AirflowNotFoundException

from slipway.config import load_apps, work_dir
from slipway.flow.environments import CLOUD, CLUSTER
from slipway.flow.orphans import Trace
from slipway.flow.record import TransientError

if TYPE_CHECKING:
    from openstack.connection import Connection

log = logging.getLogger(__name__)


class OrphanPlace(Protocol):
    """A system in which Slipway makes things."""

    @property
    def name(self) -> str:
        """Its name for people."""

    def find(self) -> Iterable[Trace]:
        """Return the temporary things that Slipway made there, needed or not."""

    def remove(self, trace: Trace) -> bool:
        """Remove a thing if it has not changed since it was found; says whether it is gone.

        :raises SlipwayError: when it stays.
        """


Pull = Callable[..., Any]
"""``xcom_pull`` of the task that looks."""


@contextmanager
def outside(pull: Pull) -> Iterator[list[OrphanPlace]]:
    """Return the systems that every worker reaches, as far as there are connections to them."""
    from slipway.kubernetes.cluster import connected
    from slipway.kubernetes.traces import ClusterTraces
    from slipway.openstack.hook import OpenstackHook

    apps = load_apps()
    places: list[OrphanPlace] = []
    for name, namespaces in apps.namespaces.items():
        if _is_connected(name):
            places.append(_called(ClusterTraces(namespaces, partial(connected, name)), name))
    with ExitStack() as logins:
        for name in filter(_is_connected, apps.clouds):
            cloud = logins.enter_context(OpenstackHook(name).get_conn())
            places += [_called(place, name) for place in _of_cloud(cloud, pull)]
        yield places


def _of_cloud(cloud: Connection, pull: Pull) -> Iterator[OrphanPlace]:
    from slipway.openstack.ironic.traces import FleetTraces
    from slipway.openstack.nova.traces import ServerTraces
    from slipway.openstack.traces import CloudTraces

    if cloud.has_service("baremetal"):
        yield FleetTraces(cloud)
    yield ServerTraces(cloud, lambda run: _plan_of(pull, run).get("vm"))
    yield CloudTraces(cloud)


@dataclass(frozen=True)
class _Another:
    """A place of which there are several, distinguished by their connections."""

    place: OrphanPlace
    name: str

    def find(self) -> Iterator[Trace]:
        """Yield what is found there, under this name."""
        for trace in self.place.find():
            yield trace.model_copy(update={"place": self.name})

    def remove(self, trace: Trace) -> bool:
        """Remove a thing there."""
        return self.place.remove(trace.model_copy(update={"place": self.place.name}))


def _called(place: OrphanPlace, connection: str) -> OrphanPlace:
    """Return the place with a name of its own, unless its connection is what everybody has."""
    return place if connection in (CLOUD, CLUSTER) else _Another(place, f"{place.name} of {connection}")


def _plan_of(pull: Pull, run: str) -> Mapping[str, Any]:
    """Return what a deployment's run decided for its platforms; nothing when Airflow does not know it."""
    return pull(dag_id="deploy", task_ids="release", run_id=run) or {}


@contextmanager
def here() -> Iterator[list[OrphanPlace]]:
    """Return what only this worker has: its folders, and its container engine if there is one."""
    from slipway.diskimage_builder.loops import detach
    from slipway.docker.traces import EngineTraces
    from slipway.worker.traces import WorkerTraces

    places: list[OrphanPlace] = [WorkerTraces(work_dir(), detach)]
    try:
        places.append(EngineTraces())
    except TransientError as error:
        log.info("no container engine is inspected: %s", error)
    yield places


def _is_connected(connection: str) -> bool:
    from airflow.sdk import BaseHook

    try:
        BaseHook.get_connection(connection)
    except AirflowNotFoundException:
        log.info("there is no connection %s: skipped", connection)
        return False
    return True
