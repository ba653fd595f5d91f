"""The task of ``retention``: decide, show, and remove one image after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from slipway.apiserver.client import ask_kept, ask_pushes
from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.hook import get_registry
from slipway.flow.apps import Apps
from slipway.flow.platforms import PLATFORMS
from slipway.flow.record import TransientError
from slipway.flow.retention.plan import (
    NOT_ASKED_FOR,
    ImageUses,
    judge,
    removals,
)
from slipway.flow.retention.promises import promises, rules
from slipway.flow.retention.stored import StoredImage
from slipway.flow.retention.tables import summary, table
from slipway.flow.states import LIVING
from slipway.pipelines.upkeep.retention import in_use
from slipway.pipelines.upkeep.retention.removing import Removing
from slipway.pipelines.upkeep.retention.shelves import Shelves

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.2
"""Between two images: the stores have other things to do."""


def retain(repositories: Sequence[str], most: int, *, dry_run: bool) -> int:
    """Find, show and remove images that nothing needs; returns how many went.

    An image that cannot be removed does not stop the others.

    :param repositories: whose images may go; those of all when there is none.
    :param most: how many images go at most.
    :param dry_run: show, and remove nothing.
    :raises SlipwayError: when a repository is not in ``apps.yaml``, or a store refuses to tell.
    :raises TransientError: naming what did not go well.
    """
    apps = load_apps()
    asked = frozenset(apps.present_name(name).casefold() for name in repositories if apps.get(name))
    with connected(apps) as shelves:
        found = shelves.find(dict.fromkeys(one.tenant for one in apps.applications.values()))
        # What runs is looked at after what is there, or a release in between would be seen nowhere.
        seen = in_use.look(apps.applications.values(), PLATFORMS)
        for trouble in seen.troubles:
            log.warning("%s", trouble)
        now = datetime.now(UTC)
        promised = promises(ask_kept(rules(apps, now)), apps)
        facts = ImageUses(now, apps, seen.running, promised, seen.unseen, asked)
        verdicts = judge(found, facts)
        shown = [one for one in verdicts if one.reason != NOT_ASKED_FOR]
        log.info("%s\n%s", summary(shown), table(shown, now))
        planned = removals(verdicts)
        if dry_run:
            log.info("dry run: nothing is removed")
            return 0
        removing = Removing(shelves, partial(_now, facts), _at_work, troubles=list(seen.troubles))
        for one in planned[:most]:
            removing.remove(one)
            time.sleep(PAUSE_SECONDS)
    log.info("%d of %d images are removed", removing.gone, len(planned))
    if len(planned) > most:
        log.info("at most %d are removed in one run: the next one continues", most)
    if removing.troubles:
        listed = "".join(f"\n  {trouble}" for trouble in removing.troubles)
        raise TransientError(f"not everything succeeded; the next run continues:{listed}")
    return removing.gone


@contextmanager
def connected(apps: Apps) -> Iterator[Shelves]:
    """Log in to all stores; a cloud without a connection is left out."""
    from slipway.openstack.glance.glance import Glance
    from slipway.openstack.hook import OpenstackHook

    clouds = {}
    with ExitStack() as logins:
        for connection in apps.clouds:
            try:
                in_use.require(connection)
            except in_use.NotConnected as error:
                log.info("%s: its Glance is skipped", error)
                continue
            clouds[connection] = Glance(logins.enter_context(OpenstackHook(connection).get_conn()))
        registry = logins.enter_context(get_registry().client())
        yield Shelves(Files(ArtifactoryHook().get_conn()), registry, clouds, apps.present_name)


def _now(facts: ImageUses, stored: StoredImage) -> ImageUses:
    """Return the current uses of one image; where its application runs is asked again.

    :raises TransientError: when it is unknown what runs.
    """
    seen = in_use.look([facts.apps.get(stored.repository)], {stored.platform})
    if seen.troubles:
        raise TransientError(seen.troubles[0])
    return replace(facts, now=datetime.now(UTC), running=seen.running, unseen=seen.unseen)


def _at_work(stored: StoredImage) -> str:
    """Return a run that goes on for one of an image's commits, to build or to deploy it; "" for none."""
    names = load_apps().names_of(stored.repository) or (stored.repository,)
    keys = [f"{name}@{commit}" for name in names for commit in stored.commits]
    for key, push in ask_pushes(keys).items():
        for run in push.runs:
            if run.state in LIVING:
                return f"run {run.run_id} of {run.dag_id}, for {key},"
    return ""
