"""How an image pipeline ends: its links are shown, its asset has an event, and its push hears of it."""

from __future__ import annotations

import logging
from typing import Any

from slipway.apiserver.client import report_built, report_push
from slipway.dagkit.links import CommitLink, ImageLink
from slipway.flow.image import Built, Image
from slipway.flow.image_place import ImagePlace
from slipway.flow.push import PushEvent
from slipway.flow.push_id import is_push_id
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.ref_order import Reported
from slipway.pipelines.images.run import Links, run_of

log = logging.getLogger(__name__)


def publish_file(
    context: Any, asset: Any, planned: dict[str, Any], resolved: Any, image: Any
) -> dict[str, Any]:
    """Publish an image that is a file, and say so to ``asset``; returns the event's extra.

    :param context: the task's.
    :param planned: what ``plan`` returned.
    :param resolved: what was found before the build, with the image of the same inputs; None without one.
    :param image: what ``build`` returned; None when it had nothing to do.
    """
    from slipway.pipelines.images import file_images

    plan = planned["plan"]
    found = image or (resolved or {}).get("image")
    made = Image.from_json(found) if found else None
    push, place = PushEvent.from_json(plan["push"]), ImagePlace.parse(plan["place"])
    built, links = file_images.publish(push, place, made, planned["deploy"], run_of(context))
    return announce(context, asset, built.found(before=image is None), links)


def announce(context: Any, asset: Any, built: Built, links: Links) -> dict[str, Any]:
    """Show the links, make the event of ``asset``, and report the end to the push that started the run.

    A run that a person started, to be deployed, requests the push of its commit: the image is found there.
    """
    run = context["dag_run"]
    CommitLink().store(context, links.commit)
    ImageLink().store(context, links.image)
    event = context["outlet_events"][asset]
    event.extra = built.to_json()
    if built.deploy:
        event.add_partitions(run.partition_key or built.push.partition_key)
    if is_push_id(run.run_id):
        report_built(run.run_id, built.platform, PlatformProgress(state="done", built=built))
    elif built.deploy:
        received = report_push(Reported(push=built.push, source="person"))
        log.info("%s", received.told())
    return built.to_json()
