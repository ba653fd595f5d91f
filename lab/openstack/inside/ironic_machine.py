"""Machines without hardware: how long each step takes, and which fails, is read from ``node.extra['lab']``.

``{"deploy": {"delay": 2, "fail": "the disk is broken"}, "clean": {...}}``; the steps are ``power``,
``prepare``, ``deploy``, ``tear_down`` and ``clean``. With ``image`` a step fails only for that
``image_source``, with ``times`` only so many times. Everything before a step is Ironic's own: what
``instance_info`` must have, the image's download and its checksum on the conductor's side.

https://docs.openstack.org/ironic/latest/contributor/drivers.html
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import requests
from ironic.common import exception, states
from ironic.drivers import base
from ironic.drivers.modules import agent, deploy_utils, fake

CHUNK = 1 << 20
SECONDS = 60
WRITTEN = "lab_written"
"""In ``driver_internal_info``: what a deploy agent would have written to the disk."""


class LabPower(fake.FakePower):
    """A power supply that may be slow, or broken."""

    def get_power_state(self, task: Any) -> str:
        """Return what it was switched to; a machine that never was is off."""
        return str(super().get_power_state(task) or states.POWER_OFF)

    def set_power_state(self, task: Any, power_state: str, timeout: int | None = None) -> None:
        """Switch it, or fail as the test asks."""
        _step(task, "power")
        super().set_power_state(task, power_state, timeout)

    def reboot(self, task: Any, timeout: int | None = None) -> None:
        """Switch it off and on."""
        _step(task, "power")
        super().reboot(task, timeout)
        task.node.power_state = states.POWER_ON


class LabDeploy(fake.FakeDeploy):
    """A deploy agent that writes to no disk, and checks all that one would."""

    def validate(self, task: Any) -> None:
        """Check ``instance_info`` as the direct deploy interface does."""
        agent.AgentDeploy().validate(task)

    def prepare(self, task: Any) -> None:
        """Have the conductor fetch the image, as for the direct deploy interface."""
        if task.node.provision_state == states.DEPLOYING:
            _step(task, "prepare")
            task.node.instance_info = deploy_utils.build_instance_info_for_deploy(task)
            task.node.save()

    @base.deploy_step(priority=100)  # type: ignore[untyped-decorator]
    def deploy(self, task: Any) -> None:
        """Read the image as an agent does: to its end, comparing its checksum and its size."""
        _step(task, "deploy")
        node = task.node
        sha512, size = _read(node.instance_info)
        room = int(node.properties.get("local_gb", 0)) << 30
        if room and size > room:
            raise exception.InstanceDeployFailure(
                f"image of {size} bytes does not fit on the disk of {room} bytes"
            )
        written = {"sha512": sha512, "source": node.instance_info["image_source"]}
        node.set_driver_internal_info(WRITTEN, written)
        node.power_state = states.POWER_ON
        node.save()

    def tear_down(self, task: Any) -> Any:
        """Forget what is on the disk."""
        _step(task, "tear_down")
        task.node.del_driver_internal_info(WRITTEN)
        return super().tear_down(task)

    def clean_up(self, task: Any) -> None:
        """Remove the conductor's copy of the image."""
        deploy_utils.destroy_http_instance_images(task.node)

    @base.clean_step(priority=10)  # type: ignore[untyped-decorator]
    def erase_disk(self, task: Any) -> None:
        """Take the time that an erasure takes, or fail as the test asks."""
        _step(task, "clean")


def _step(task: Any, name: str) -> None:
    """Take the time the step takes, and fail when it shall."""
    told = (task.node.extra.get("lab") or {}).get(name) or {}
    time.sleep(float(told.get("delay", 0)))
    if "fail" not in told or told.get("image") not in (None, task.node.instance_info.get("image_source")):
        return
    counter = f"lab_failed_{name}"
    failed = task.node.driver_internal_info.get(counter, 0)
    if failed >= told.get("times", failed + 1):
        return
    task.node.set_driver_internal_info(counter, failed + 1)
    task.node.save()
    raise exception.InstanceDeployFailure(str(told["fail"]))


def _read(info: dict[str, Any]) -> tuple[str, int]:
    """Return sha512 and size of the image, when it has the checksum that the conductor tells the agent."""
    expected = info.get("image_os_hash_value") or info.get("image_checksum")
    told, sha512, size = hashlib.new(info.get("image_os_hash_algo") or "md5"), hashlib.sha512(), 0
    with requests.get(info["image_url"], stream=True, timeout=SECONDS) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_content(CHUNK):
            told.update(chunk)
            sha512.update(chunk)
            size += len(chunk)
    if told.hexdigest() != expected:
        raise exception.ImageChecksumError()
    return sha512.hexdigest(), size
