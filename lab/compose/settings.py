"""What an installation in the lab is given: ``.env``, ``slipway.env``, and what Compose puts over its file.

The lab's servers are on this machine's loopback address: certificates, OpenStack's catalogue and the nodes'
addresses say so. The services that talk to them are therefore in the machine's network; all others, and what
these say to each other, are as the product's file has it.

https://docs.docker.com/compose/how-tos/multiple-compose-files/merge/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.access import Lab
from lab.airflow.connections import connections
from lab.debian import image_mirrors

ON_THE_MACHINE = ("triggerer", "worker", "worker-vm", "worker-bare-metal")
ADDRESSES = {"data": {"postgres": 10}, "work": {"api-server": 10, "redis": 11}}
"""Where those find the others: network, service, and the last number of its address there."""
SUBNETS = {"data": "10.213.7", "work": "10.213.8"}
LOG_PORTS = 18793
PACKAGES = "busybox-static cpio"
"""What the example's own element calls on the worker."""


def installation(lab: Lab, receiver: Mapping[str, str], key: str) -> dict[str, str]:
    """Return what ``.env`` has before ``make compose-env`` fills it in.

    :param receiver: where the lab's Git server sends pushes, and what it signs them with.
    :param key: what tells this lab's containers and images from those of another installation.
    """
    address = receiver["AIRFLOW_URL"]
    socket = Path(lab.docker_host.removeprefix("unix://"))
    return {
        "COMPOSE_PROJECT_NAME": f"slipway-lab-{key}",
        "SLIPWAY_TAG": f"lab-{key}",
        "AIRFLOW_URL": address,
        "AIRFLOW_BIND": address.removeprefix("http://"),
        "SLIPWAY_WEBHOOK_SECRET": receiver["SLIPWAY_WEBHOOK_SECRET"],
        "SLIPWAY_DOCKER_SOCKET": str(socket),
        "SLIPWAY_DOCKER_GROUP": str(socket.stat().st_gid),
        "WORKER_PACKAGES": PACKAGES,
    }


def workers(lab: Lab) -> dict[str, str]:
    """Return what ``slipway.env`` has: connections with the lab's servers, and its Airflow's settings."""
    found = connections(lab.variables)
    cluster = {"kube_config": _inline(lab.product_kubeconfig)}
    found["AIRFLOW_CONN_SLIPWAY_KUBERNETES"] = json.dumps({"conn_type": "kubernetes", "extra": cluster})
    found.pop("AIRFLOW_CONN_SLIPWAY_TENANTS", None)
    found.pop("AIRFLOW_CONN_SLIPWAY_QUESTIONS", None)  # this installation makes its own
    schedules = ("NIGHTLY_REBUILD", "RECONCILE_PUSHES", "REAP_ORPHANS", "RETENTION")
    return {
        **found,
        **{f"SLIPWAY_SCHEDULE_{name}": "none" for name in schedules},
        "SLIPWAY_ACCELERATOR": "tcg",
        **image_mirrors(),
    }


def written(settings: Mapping[str, str], quoted: bool = False) -> str:
    """Return the lines of an environment file."""
    quote = "'" if quoted else ""
    return "".join(f"{name}={quote}{value}{quote}\n" for name, value in settings.items())


def override() -> dict[str, Any]:
    """Return what Compose puts over the product's file."""
    hosts = [
        f"{service}:{_address(network, service)}"
        for network, services in ADDRESSES.items()
        for service in services
    ]
    placed = {
        name: {
            "network_mode": "host",
            "networks": Reset(),
            "extra_hosts": hosts,
            "environment": _ports(number),
        }
        for number, name in enumerate(ON_THE_MACHINE)
    }
    return {
        "services": dict(_addressed()) | placed,
        "networks": {
            name: {"ipam": {"config": [{"subnet": f"{subnet}.0/24"}]}} for name, subnet in SUBNETS.items()
        },
    }


class Reset:
    """Compose's tag for what the file below has and this one takes away."""


def _addressed() -> Iterator[tuple[str, Any]]:
    for network, services in ADDRESSES.items():
        for service in services:
            yield service, {"networks": {network: {"ipv4_address": _address(network, service)}}}


def _ports(number: int) -> dict[str, str]:
    """Return the port of a component's log server: in the machine's network each needs one of its own."""
    names = ("WORKER", "TRIGGER")
    return {f"AIRFLOW__LOGGING__{name}_LOG_SERVER_PORT": str(LOG_PORTS + number) for name in names}


def _address(network: str, service: str) -> str:
    return f"{SUBNETS[network]}.{ADDRESSES[network][service]}"


def _inline(kubeconfig: Path) -> str:
    """Return a kubeconfig as JSON; the lab's have their certificates inside."""
    return json.dumps(yaml.safe_load(kubeconfig.read_text()))
