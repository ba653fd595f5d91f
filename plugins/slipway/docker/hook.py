"""The logins of container registries."""

from __future__ import annotations

from airflow.providers.docker.hooks.docker import DockerHook
from airflow.sdk.exceptions import AirflowNotFoundException

from slipway.docker.registry import Registry

REGISTRY = "slipway_registry"
DOCKER_HUB = "slipway_dockerhub"
PUBLIC_HUB = "registry-1.docker.io"


def get_registry(conn_id: str = REGISTRY) -> Registry:
    """Return the registry of a connection of type ``docker``: host, port, login, password."""
    connection = DockerHook.get_connection(conn_id)
    host = (connection.host or "").removeprefix("https://").removeprefix("http://").rstrip("/")
    if connection.port:
        host = f"{host}:{connection.port}"
    return Registry(host, connection.login or "", connection.password or "")


def get_docker_hub() -> Registry:
    """Return the fallback: connection ``slipway_dockerhub``, or the public Docker Hub without a login."""
    try:
        return get_registry(DOCKER_HUB)
    except AirflowNotFoundException:
        return Registry(PUBLIC_HUB)
