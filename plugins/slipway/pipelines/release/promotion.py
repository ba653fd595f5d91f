"""Promotion, in ``deploy``: an environment's release goes to another, and Artifactory records it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.artifactory.build_info import build_of
from slipway.artifactory.hook import ArtifactoryHook
from slipway.artifactory.promotion import Promotion, promote
from slipway.config import load_apps
from slipway.flow.approval import RELEASE_TASK
from slipway.flow.environments import CLOUD
from slipway.flow.history import AppEnvironment, check_ran
from slipway.flow.plans import read_plan
from slipway.flow.property_keys import RegistryKey
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.release import Release
from slipway.pipelines.images.placing import unplaced
from slipway.pipelines.release.deployments import ran_in

log = logging.getLogger(__name__)


def release_of(params: Mapping[str, Any], person: str) -> Release:
    """Return the release that an environment runs, with the same images; it counts as pushed now.

    :param params: the form's: ``repository``, ``promote_from``, ``environment``.
    :param person: who promotes.
    :raises SlipwayError: when the environment runs nothing, or a name is wrong.
    """
    place, target = _places(params)
    cloud = load_apps().get(place.repository).get_environment(place.environment, place.repository).openstack
    ran = ran_in(place)
    check_ran([one.past for one in ran], place)
    found, push = ran[0].deployments, ran[0].past.push
    if params.get("commit") not in (None, push.commit):
        raise SlipwayError(
            f"{place.environment} runs {push.short_commit}, and not {params['commit'][:12]}: only the "
            "running release can be promoted. Leave the commit out, or deploy it without `promote_from`."
        )
    for name, one in found.items():
        what = (push.short_commit, one.image.digest)
        log.info("%s: %s (%s) is promoted from %s to %s", name, *what, place.environment, target)
    # The build is found by the push that it was for.
    moved = PushEvent(
        repository=place.repository,
        ref=push.ref,
        commit=push.commit,
        rebuild=push.rebuild,
        pusher=person,
    )
    images = {name: one.image if cloud == CLOUD else unplaced(one.image) for name, one in found.items()}
    return Release(push=moved, images=images)


def record(context: Any) -> None:
    """Write down in Artifactory what was promoted.

    :raises SlipwayError: when the login may not annotate, or an image is not there.
    """
    params = context["params"]
    target, source = params["environment"], params["promote_from"]
    plans = context["ti"].xcom_pull(task_ids=RELEASE_TASK)
    catalogue = ArtifactoryHook().get_conn()
    for plan in (read_plan(name, plan) for name, plan in plans.items() if plan):
        push, image = plan.push, plan.image
        told = Promotion(target, f"promoted from {source} by run {context['run_id']}", push.pusher)
        name, number = build_of(push, image)
        if promote(catalogue, name, number, told):
            log.info("build %s %s: %s", name, number, target)
        else:
            log.warning(
                "Artifactory has no build %s %s any more: the promotion is recorded on the image only",
                name,
                number,
            )
        path = catalogue.path_of(image, push.commit)
        catalogue.annotate(path, {f"{RegistryKey.PROMOTED}.{target}": f"{push.at:%Y-%m-%dT%H:%M:%SZ}"})


def _places(params: Mapping[str, Any]) -> tuple[AppEnvironment, str]:
    repository, source, target = (params.get(name) for name in ("repository", "promote_from", "environment"))
    if not repository:
        raise SlipwayError("no repository was given. Fill in the form's field, as owner/name.")
    if not target or target == source:
        raise SlipwayError(
            f"name another environment in `environment`: the one that the release of {source} is promoted to."
        )
    apps = load_apps()
    application, repository = apps.get(repository), apps.present_name(repository)
    for name in (str(source), target):
        application.get_environment(name, repository)
    return AppEnvironment(repository=repository, environment=str(source)), target
