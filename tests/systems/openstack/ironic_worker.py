"""What a task and its trigger do with a fleet, in a process of its own, which can be killed.

Processes are forked off one that has imported the clients: to import them anew costs two seconds of CPU.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerProcess
from typing import Any

from openstack.config import OpenStackConfig
from openstack.connection import Connection

from slipway.flow.ironic.fleet import IronicPlan
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.triggers import bring, poll_of

TICK = 0.4
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def start(clouds: str, verb: str, run: str, fleet: IronicPlan) -> tuple[ForkServerProcess, Pipe]:
    """Start a worker; returns it, and where it says how it ended.

    :param clouds: file of the lab's logins.
    :param verb: ``begin`` or ``go_back``.
    """
    heard, said = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=work, args=(said, clouds, verb, run, fleet.to_json()))
    process.start()
    said.close()
    return process, heard


def work(said: Pipe, clouds: str, verb: str, run: str, plan: dict[str, Any]) -> None:
    """Do it, in the new process."""
    config = OpenStackConfig(config_files=[clouds]).get_one("slipway", api_timeout=60)
    with Connection(config=config) as cloud:
        fleets = Fleets(cloud)
        watch = getattr(fleets, verb)(IronicPlan.from_json(plan), run)
        if watch is None:
            said.send("there was nothing to follow")
            return
        outcome = asyncio.run(bring(fleets, poll_of(fleets.ironic, TICK), watch))
        said.send(f"{outcome.state} {outcome.reason}")
