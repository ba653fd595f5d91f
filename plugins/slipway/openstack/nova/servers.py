"""Carries out what was decided about servers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from openstack.connection import Connection

from slipway.flow.nova.marks import TAG, new_metadata
from slipway.flow.nova.observed import Server, ServerFindings, View
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.spec import ServerVolume
from slipway.flow.nova.steps import (
    Attach,
    Create,
    Delete,
    Do,
    Done,
    Fail,
    Lead,
    Order,
    Start,
    Step,
    Stop,
    Wait,
    Write,
)
from slipway.flow.nova.traffic import read
from slipway.flow.record import SlipwayError
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.nova import traffic
from slipway.openstack.nova.addresses import attach, floating_ips
from slipway.openstack.nova.errors import NovaConflictError, told
from slipway.openstack.nova.groups import ensure_group, forget_groups
from slipway.openstack.nova.reading import list_servers

log = logging.getLogger(__name__)

ROUNDS = 120
CONFLICT_SECONDS = 1.0
CONSOLE_LINES = 30
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Decide = Callable[[NovaPlan, str, View, datetime], Step]


class Servers:
    """The servers of one plan, for one run."""

    def __init__(self, cloud: Connection, plan: NovaPlan, run: str) -> None:
        self.cloud = cloud
        self._plan = plan
        self._run = run

    def view(self, seen: ServerFindings | None = None) -> View:
        """Look."""
        servers = list_servers(self.cloud, [self._plan.tag])
        marked = {one.mark.floating_ip for one in servers}
        addresses = sorted({*self._plan.nova.floating_ips, *marked} - {""})
        floating = floating_ips(self.cloud, addresses) if addresses else {}
        marked_places = {read(one.mark.traffic) for one in servers}
        places = {place for place in (self._plan.traffic, *marked_places) if place}
        led = {place: traffic.traffic(self.cloud, place, self._plan.tag) for place in places}
        return View.of(servers, self._plan.deployment, floating, led, seen or ServerFindings())

    def drive(self, decide: Decide, seen: ServerFindings) -> Wait | Done | Fail:
        """Look, decide and obey, until there is something to wait for, or an end.

        :raises SlipwayError: what the decision or the cloud raises.
        """
        for _ in range(ROUNDS):
            step = decide(self._plan, self._run, self.view(seen), datetime.now(UTC))
            if not isinstance(step, Do):
                return step
            try:
                for order in step.orders:
                    self.obey(order)
            except NovaConflictError as error:
                log.info("%s; retrying", error)
                time.sleep(CONFLICT_SECONDS)
        raise TransientOpenstackError("the servers did not reach the requested state")

    def obey(self, order: Order) -> None:
        """Give one order to the cloud."""
        match order:
            case Create(index):
                self._create(index)
            case Delete(server):
                self._delete(server)
            case Start(server):
                self._say("starting", server)
                with told(f"the start of {server.name}"):
                    self.cloud.compute.start_server(server.id)
            case Stop(server):
                self._say("shutting off", server)
                with told(f"the stop of {server.name}"):
                    self.cloud.compute.stop_server(server.id)
            case Write(server, metadata):
                with told(f"metadata of {server.name}"):
                    self.cloud.compute.set_server_metadata(server.id, **metadata)
            case Attach(address, server):
                log.info("floating IP %s goes to %s", address, server.name)
                attach(self.cloud, address, server, self._plan.networks[0])
            case Lead(place, servers):
                names = ", ".join(server.name for server in servers) or "nobody"
                log.info("traffic from %s goes to %s", place, names)
                traffic.lead(self.cloud, place, self._plan, servers)

    def console(self, reason: str) -> list[str]:
        """Return the last lines that the server printed which ``reason`` is about, if there are any."""
        server = next((one for one in self.view().servers if reason.startswith(f"server {one.name}:")), None)
        if server is None:
            return []
        try:
            with told(f"the console of {server.name}"):
                said = self.cloud.compute.get_server_console_output(server.id, length=CONSOLE_LINES)
        except SlipwayError as error:  # it never ran, or its hypervisor keeps none
            log.info("%s", error)
            return []
        return [_CONTROL.sub("", line) for line in str((said or {}).get("output", "")).splitlines()]

    def tidy(self) -> None:
        """Remove server groups that no server of the deployment needs."""
        plan = self._plan
        needed = {f"{plan.tag}-{one.mark.version}" for one in self.view().servers}
        forget_groups(self.cloud, f"{plan.tag}-", needed)

    def forget(self, view: View) -> None:
        """Remove what is left of servers that traffic does not come to any more, where it came from."""
        for place in view.traffic:
            traffic.forget(self.cloud, place, self._plan.tag)

    def _create(self, index: int) -> None:
        plan = self._plan
        name = plan.name(index)
        log.info("making server %s", name)
        given: dict[str, Any] = {}
        if plan.security_groups:
            given["security_groups"] = [{"name": group} for group in plan.security_groups]
        if plan.nova.key_pair:
            given["key_name"] = plan.nova.key_pair
        if plan.nova.config_drive:
            given["config_drive"] = True
        if plan.user_data:
            given["user_data"] = plan.user_data
        if plan.volumes or plan.root_volume:
            given["block_device_mapping"] = block_devices(plan)
        if plan.nova.anti_affinity:
            given["scheduler_hints"] = {"group": ensure_group(self.cloud, plan.group)}
        with told(f"server {name}"):
            self.cloud.compute.create_server(
                name=name,
                # Nova refuses an image beside a volume to boot from.
                image_id="" if plan.root_volume else str(plan.image.glance),
                flavor_id=plan.flavor,
                networks=[{"uuid": network} for network in plan.networks],
                metadata=new_metadata(plan, self._run, index),
                tags=[TAG, plan.tag],
                **given,
            )

    def _delete(self, server: Server) -> None:
        self._say("removing", server)
        with told(f"the removal of {server.name}"):
            self.cloud.compute.delete_server(server.id, ignore_missing=True)

    def _say(self, what: str, server: Server) -> None:
        log.info("%s server %s (%s)", what, server.name, server.id)


def block_devices(plan: NovaPlan) -> list[dict[str, Any]]:
    """Return a server's disks as Nova takes them: the image's, and an empty volume for each of the plan's.

    https://docs.openstack.org/nova/latest/user/block-device-mapping.html
    """
    root = _volume(plan.root_volume) if plan.root_volume else {"destination_type": "local"}
    image = {"boot_index": 0, "source_type": "image", "uuid": str(plan.image.glance), **root}
    empty = {"boot_index": -1, "source_type": "blank"}
    disks = [image, *({**empty, **_volume(volume)} for volume in plan.volumes)]
    return [{**disk, "delete_on_termination": True} for disk in disks]


def _volume(wanted: ServerVolume) -> dict[str, Any]:
    kind = {"volume_type": wanted.type} if wanted.type else {}
    return {"destination_type": "volume", "volume_size": wanted.size_gib, **kind}
