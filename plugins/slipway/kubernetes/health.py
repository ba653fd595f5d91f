"""Whether an application answers, asked as its users would: from outside the cluster."""

from __future__ import annotations

import asyncio
import logging
import time

import httpx

from slipway.flow.kubernetes.objects import Json, ObjectRef
from slipway.flow.spec import Health
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import TransientClusterError

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0
PAUSE_SECONDS = 0.5
_ADDRESSES = ("ExternalIP", "ExternalDNS", "InternalIP", "Hostname")


async def answers(cluster: Cluster, namespace: str, application: str, health: Health) -> str:
    """Wait until the health URL answers as expected; return why it did not ("" when it did)."""
    deadline = time.monotonic() + health.within_seconds
    async with httpx.AsyncClient(timeout=ASK_SECONDS, trust_env=False) as client:
        while True:
            place, said = await _ask(client, cluster, namespace, application, health)
            if said == str(health.status):
                log.info("%s answers %s", place, said)
                return ""
            if time.monotonic() > deadline:
                return (
                    f"health: {place} did not answer {health.status} within {health.within_seconds} s "
                    f"(the last time: {said})"
                )
            await asyncio.sleep(PAUSE_SECONDS)


async def url(cluster: Cluster, namespace: str, application: str, port: str = "") -> str:
    """Return where the application's Service answers outside of the cluster; "" when nowhere does.

    :param port: its name; the Service's first port when it is empty.
    """
    service = await cluster.find(ObjectRef(api_version="v1", kind="Service", name=application), namespace)
    if service is None or (chosen := _port(service, port)) is None:
        return ""
    kind = service["spec"].get("type")
    if kind == "NodePort" and chosen.get("nodePort"):
        host = _node_address(await cluster.nodes())
        return f"http://{host}:{chosen['nodePort']}" if host else ""
    ingress = (service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}])[0]
    if kind == "LoadBalancer" and (host := ingress.get("hostname") or ingress.get("ip")):
        return f"http://{_bracketed(host)}:{chosen['port']}"
    return ""


async def _ask(
    client: httpx.AsyncClient, cluster: Cluster, namespace: str, application: str, health: Health
) -> tuple[str, str]:
    """Return what was asked, and the status it gave (or why it gave none)."""
    try:
        base = await url(cluster, namespace, application, health.port)
        if not base:
            place = f"service {application}:{health.port}{health.path} (through the API server)"
            status = await cluster.status_through_proxy(namespace, application, health.port, health.path)
            return place, str(status)
        place = f"{base}{health.path}"
        async with client.stream("GET", place) as response:
            return place, str(response.status_code)
    except TransientClusterError as error:
        return f"service {application}", str(error)
    except httpx.HTTPError as error:
        return place, str(error) or type(error).__name__


def _port(service: Json, name: str) -> Json | None:
    ports: list[Json] = service["spec"].get("ports") or []
    return next((port for port in ports if not name or port.get("name") == name), None)


def _node_address(nodes: list[Json]) -> str:
    for kind in _ADDRESSES:
        for node in nodes:
            for address in node.get("status", {}).get("addresses") or ():
                if address["type"] == kind:
                    return _bracketed(address["address"])
    return ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
