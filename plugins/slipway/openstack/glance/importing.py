"""Glance fetches an image itself: no byte of it passes the worker.

A ``web-download`` that fails leaves the image ``queued``, and only its task says so.
https://docs.openstack.org/glance/latest/admin/interoperable-image-import.html,
https://docs.openstack.org/api-ref/image/v2/index.html#show-tasks-associated-with-image
"""

from __future__ import annotations

import logging
import time
from typing import Any

import requests
from openstack.image.v2.image import Image

from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.glance.errors import accepted, text, told
from slipway.openstack.glance.glance import AT_WORK, Glance

log = logging.getLogger(__name__)

METHOD = "web-download"
IMPORT_SECONDS = 4 * 3600
POLL_SECONDS = 1.0
LOG_SECONDS = 15.0
SHOWN = 300


class ImportRefused(OpenstackError):
    """Glance will not, or could not, fetch the image; its bytes can be sent instead."""


def can_import(glance: Glance) -> bool:
    """Say whether this Glance offers to fetch images from an address."""
    with told("its import methods"):
        answer = glance.cloud.image.get("/info/import")
        if answer.status_code == requests.codes.not_found:
            return False
        methods = accepted("its import methods", answer).json().get("import-methods", {})
    return METHOD in methods.get("value", [])


def import_image(glance: Glance, image: Image, url: str, seconds: float = IMPORT_SECONDS) -> Image:
    """Let Glance fetch a queued image from ``url``, which never appears in a log; wait until it is active.

    :raises ImportRefused: when Glance may not go there, or its task failed; the image is ``queued``.
    :raises TransientOpenstackError: when Glance is away, or has not finished after ``seconds``.
    """
    what = f"import of image {image.name} ({image.id})"
    known = {task["id"] for task in _tasks(glance, image)}
    with told(what):
        answer = glance.cloud.image.post(
            f"/images/{image.id}/import", json={"method": {"name": METHOD, "uri": url}}, log=False
        )
        if answer.status_code in (requests.codes.bad_request, requests.codes.forbidden):
            raise ImportRefused(f"Glance refuses the {what}: {_without(url, text(answer))}")
        accepted(what, answer)
    log.info("%s: Glance fetches it itself", what)
    return _follow(glance, image, url, known, seconds)


def _follow(glance: Glance, image: Image, url: str, known: set[str], seconds: float) -> Image:
    started = said = time.monotonic()
    while (found := glance.get(str(image.id))).status != "active":
        tasks = [task for task in _tasks(glance, image) if task["id"] not in known]
        _check(found, tasks, url)
        now = time.monotonic()
        if now - started > seconds:
            raise TransientOpenstackError(
                f"Glance has not fetched image {image.name} ({image.id}) in {seconds:.0f} s: {found.status}"
            )
        if now - said >= LOG_SECONDS:
            said = now
            log.info("import of image %s: %s, %s", image.name, found.status, _progress(tasks))
        time.sleep(POLL_SECONDS)
    return found


def _check(image: Image, tasks: list[dict[str, Any]], url: str) -> None:
    """Check whether the import may still succeed.

    :raises ImportRefused: when its task failed and the image takes bytes again.
    """
    failed = [task for task in tasks if task["status"] == "failure"]
    if failed and image.status == "queued":
        raise ImportRefused(
            f"Glance could not fetch image {image.name} ({image.id}): "
            f"{_without(url, str(failed[0].get('message') or 'its task does not say why'))}"
        )
    if image.status not in {"queued", *AT_WORK}:
        raise OpenstackError(f"image {image.name} ({image.id}) became {image.status} in Glance")


def _tasks(glance: Glance, image: Image) -> list[dict[str, Any]]:
    what = f"tasks of image {image.id}"
    with told(what):
        answer = accepted(what, glance.cloud.image.get(f"/images/{image.id}/tasks"))
        return list(answer.json().get("tasks", []))


def _progress(tasks: list[dict[str, Any]]) -> str:
    return "; ".join(str(task.get("message") or task["status"]) for task in tasks) or "its task waits"


def _without(url: str, said: str) -> str:
    """Return what Glance said, without the address: whoever has it may read the file."""
    return " ".join(said.replace(url, "(address)").split("?sig=")[0].split())[:SHOWN]
