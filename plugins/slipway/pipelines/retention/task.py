"""The task of ``retention``: decide, show, and remove one image after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from typing import Any, get_args

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.hook import get_registry
from slipway.flow.apps import Apps
from slipway.flow.history import by_place
from slipway.flow.image import Platform
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.retention.plan import (
    NOT_ASKED_FOR,
    Facts,
    Removal,
    judge,
    reason_to_keep,
    removals,
    runner,
)
from slipway.flow.retention.promises import promises
from slipway.flow.retention.stored import Kind, Stored
from slipway.flow.retention.tables import summary, table
from slipway.pipelines.deployments import deployments
from slipway.pipelines.retention import in_use
from slipway.pipelines.retention.removing import Shelves, StaysError
from slipway.webhooks.asking import ask_pushes

log = logging.getLogger(__name__)

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
PAUSE_SECONDS = 0.2
"""Between two images: the stores have other things to do."""
LIVING = "queued", "running"


def retain(events: Any, repositories: Sequence[str], most: int, *, dry_run: bool) -> int:
    """Find, show and remove images that nothing needs; returns how many went.

    An image that cannot be removed does not stop the others.

    :param events: Airflow's accessor of the deployments' asset events.
    :param repositories: whose images may go; those of all when there is none.
    :param most: how many images go at most.
    :param dry_run: show, and remove nothing.
    :raises SlipwayError: when a repository is not in ``apps.yaml``, or a store refuses to tell.
    :raises TransientError: naming what did not go well.
    """
    apps = load_apps()
    asked = frozenset(name.casefold() for name in repositories if apps.get(name))
    with connected(apps) as shelves:
        tenants = dict.fromkeys(one.tenant for one in apps.applications.values())
        found = [image for tenant in tenants for image in shelves.find(tenant)]
        # What runs is looked at after what is there, or a release in between would be seen nowhere.
        seen = in_use.look(apps.applications.values(), PLATFORMS)
        now = datetime.now(UTC)
        promised = promises(by_place(deployments(events, inf)), apps, now)
        facts = Facts(now, apps, seen.running, promised, seen.unseen, asked)
        verdicts = judge(found, facts)
        shown = [one for one in verdicts if one.reason != NOT_ASKED_FOR]
        log.info("%s\n%s", summary(shown), table(shown, now))
        planned = removals(verdicts)
        if dry_run:
            log.info("only shown: nothing is removed")
            return 0
        removing = _Removing(shelves, facts, list(seen.troubles))
        for one in planned[:most]:
            removing.remove(one)
            time.sleep(PAUSE_SECONDS)
    log.info("%d of %d images are removed", removing.gone, len(planned))
    if len(planned) > most:
        log.info("at most %d are removed in one run: the next one goes on", most)
    if removing.troubles:
        listed = "".join(f"\n  {trouble}" for trouble in removing.troubles)
        raise TransientError(f"not everything went well; the next run goes on:{listed}")
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
                log.info("%s: nothing is looked for in its Glance", error)
                continue
            clouds[connection] = Glance(logins.enter_context(OpenstackHook(connection).get_conn()))
        registry = logins.enter_context(get_registry().client())
        yield Shelves(Files(ArtifactoryHook().get_conn()), registry, clouds)


@dataclass
class _Removing:
    """Removes images, and remembers what must stay because of those that could not be removed."""

    shelves: Shelves
    facts: Facts
    troubles: list[str]
    gone: int = 0
    needed: set[str] = field(default_factory=set)

    def remove(self, planned: Removal) -> None:
        """Remove one image, what refers to it first."""
        stored = planned.stored
        try:
            self._check(stored)
            self._remove(planned)
        except StaysError as reason:
            log.info("%s stays: %s", stored.title, reason)
            self.needed |= stored.needs
        except SlipwayError as error:
            log.warning("%s is not removed: %s", stored.title, error)
            self.troubles.append(f"{stored.title} is not removed: {error}")
            self.needed |= stored.needs
        else:
            self.gone += 1

    def _check(self, stored: Stored) -> None:
        """Decide once more, by what is true now.

        :raises StaysError: when something needs the image.
        """
        if stored.names & self.needed:
            raise StaysError("what was built upon it could not be removed")
        now = self.shelves.find_again(stored)
        if now is not None and (why := reason_to_keep(now, self._facts_of(stored))):
            raise StaysError(why)
        keys = [f"{stored.repository}@{commit}" for commit in stored.commits]
        for key, push in ask_pushes(keys).items():
            if runs := [run for run in push.runs if run.state in LIVING]:
                raise StaysError(f"run {runs[0].run_id} of {runs[0].dag_id} goes on for {key}")

    def _facts_of(self, stored: Stored) -> Facts:
        application = self.facts.apps.get(stored.repository)
        seen = in_use.look([application], {stored.platform})
        if seen.troubles:
            raise TransientError(seen.troubles[0])
        return replace(self.facts, now=datetime.now(UTC), running=seen.running, unseen=seen.unseen)

    def _remove(self, planned: Removal) -> None:
        stored, looked = planned.stored, False
        for thing in planned.things:
            if thing.id in self.needed:
                log.info("%s %s stays: another image needs it", thing.kind, thing.id)
                continue
            if thing.kind >= Kind.MANIFEST and not looked:
                # Nothing begins to use it by now, and what began before is seen.
                looked = True
                if runs := runner(stored, self._facts_of(stored).running):
                    raise StaysError(f"{runs} runs it by now")
            gone = self.shelves.remove(thing)
            log.info("%s %s %s", "removed" if gone else "is gone already:", thing.kind, thing.id)
