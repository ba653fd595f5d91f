"""The task of ``rollback``: which release an application goes back to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.config import load_apps
from slipway.flow.apps import Application
from slipway.flow.history import AppEnvironment, before, named
from slipway.flow.record import SlipwayError
from slipway.pipelines.release.built_images import remaining
from slipway.pipelines.release.deployments import ran_in

log = logging.getLogger(__name__)


def choose(params: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """Return what ``deploy`` is to be started with, and whether that release ran there before.

    :param params: the form's: ``repository``, ``environment``, ``commit``.
    :raises SlipwayError: when there is nothing to go back to, its images are gone, or a name is wrong.
    """
    place = _place(params)
    commit = params.get("commit")
    past = [one.past for one in ran_in(place, commit or "")]
    for one in past[:10]:
        log.info("ran in %s: %s", place.environment, one)
    chosen = named(past, place, commit) if commit else before(past, place)
    if chosen is None:
        log.info("%s never ran in %s; looking for its images by commit", commit, place.environment)
        ref = past[0].push.ref
    else:
        names = {one.push.commit: one.application for one in past}
        with remaining(load_apps().get(place.repository).tenant, names) as there:
            there.refuse_gone(chosen, past)
        log.info("going back to %s", chosen)
        commit, ref = chosen.push.commit, chosen.push.ref
    conf = {
        "repository": place.repository,
        "environment": place.environment,
        "ref": ref,
        "commit": str(commit),
    }
    return conf, chosen is not None


def _place(params: Mapping[str, Any]) -> AppEnvironment:
    repository, environment = params.get("repository"), params.get("environment")
    if not repository:
        raise SlipwayError("no repository was given. Fill in the form's field, as owner/name.")
    apps = load_apps()
    application, repository = apps.get(repository), apps.present_name(repository)
    if environment:
        application.get_environment(environment, repository)
    return AppEnvironment(repository=repository, environment=environment or _only(application, repository))


def _only(application: Application, repository: str) -> str:
    if len(application.environments) == 1:
        return next(iter(application.environments))
    names = ", ".join(application.environments)
    raise SlipwayError(f"{repository} has several environments: name one of {names}.")
