"""Finds what runs images, in every cluster and every cloud that releases go to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from slipway.flow.apps import Application
from slipway.flow.environments import CLOUD, CLUSTER
from slipway.flow.platforms import Platform
from slipway.flow.record import SlipwayError

Look = Callable[[], Mapping[str, str]]
"""Asks one system."""


@dataclass
class InUse:
    """The answers of the systems."""

    running: dict[str, str] = field(default_factory=dict)
    """What runs an image, for people, by a name of the image or of its application."""
    unseen: dict[Platform, str] = field(default_factory=dict)
    """Why it is unknown what runs on a platform."""
    troubles: list[str] = field(default_factory=list)
    """Systems that should have answered."""


class NotConnected(SlipwayError):
    """Airflow has no connection of this name: that system is not used, or belongs to another installation."""


def look(applications: Iterable[Application], platforms: Collection[Platform]) -> InUse:
    """Ask where these applications run; a system that does not answer makes its platform unknown."""
    seen = InUse()
    for platform, ask in _systems(applications):
        if platform not in platforms or platform in seen.unseen:
            continue
        try:
            for name, what in ask().items():
                seen.running.setdefault(name, what)
        except NotConnected as error:
            seen.unseen[platform] = str(error)
        except SlipwayError as error:
            seen.unseen[platform] = str(error)
            seen.troubles.append(f"what runs as {platform} is unknown: {error}")
    return seen


def _systems(applications: Iterable[Application]) -> list[tuple[Platform, Look]]:
    environments = [env for application in applications for env in application.environments.values()]
    namespaces: dict[str, set[str]] = {CLUSTER: set()}
    for one in environments:
        namespaces.setdefault(one.kubernetes, set()).add(one.namespace)
    systems: list[tuple[Platform, Look]] = [
        ("container", partial(_cluster, connection, sorted(names)))
        for connection, names in namespaces.items()
    ]
    for connection in dict.fromkeys((CLOUD, *(one.openstack for one in environments))):
        systems += [("vm", partial(_servers, connection)), ("bare_metal", partial(_nodes, connection))]
    return systems


def _cluster(connection: str, namespaces: Collection[str]) -> Mapping[str, str]:
    from slipway.kubernetes.cluster import connected
    from slipway.kubernetes.in_use import running

    async def ask() -> Mapping[str, str]:
        async with connected(connection) as cluster:
            return await running(cluster, namespaces)

    require(connection)
    return asyncio.run(ask())


def _servers(connection: str) -> Mapping[str, str]:
    from slipway.openstack.hook import OpenstackHook
    from slipway.openstack.nova.in_use import running

    require(connection)
    with OpenstackHook(connection).get_conn() as cloud:
        return running(cloud)


def _nodes(connection: str) -> Mapping[str, str]:
    from slipway.openstack.hook import OpenstackHook
    from slipway.openstack.ironic.in_use import running

    require(connection)
    with OpenstackHook(connection).get_conn() as cloud:
        return running(cloud)


def require(connection: str) -> None:
    """Refuse to continue without a connection.

    :raises NotConnected: when Airflow has none of this name.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(connection)
    except AirflowNotFoundException:
        raise NotConnected(f"there is no connection {connection}") from None
