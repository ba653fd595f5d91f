"""The tasks of ``reconcile_pushes``: which refs point to commits with no recorded push."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from slipway.apiserver.client import ask_pushes, settle_pushes
from slipway.apiserver.questions import KnownPush
from slipway.config import load_apps
from slipway.flow.apps import Application
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.github.hook import GithubHook
from slipway.github.repository import Remote, find_commit, list_refs, list_times
from slipway.pipelines.task_endings import NothingToDo

log = logging.getLogger(__name__)

AT_ONCE = 8
LOOKED_AT = 50
"""Commits of one repository whose age is asked for; more would be fetched in vain every hour."""


def settle() -> None:
    """Have pushes go on whose runs ended, or were never created, without a report."""
    for key, done in settle_pushes().items():
        log.warning("%s lost a report: %s", key, done or "it is over by now")


def find_missing(repositories: Sequence[str], age: timedelta, most: int) -> list[PushEvent]:
    """Return the pushes that are not recorded.

    :param repositories: only these; every one of ``apps.yaml`` when there is none.
    :param age: older commits are left alone: they were there before Slipway knew the repository.
    :param most: how many tasks Airflow lets one task become.
    :raises SlipwayError: when not one repository can be read.
    """
    apps, remote = load_apps(), GithubHook().get_conn()
    asked = [apps.name_of(name) or name for name in repositories] or list(apps.applications)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda name: _pushes(remote, name, apps.get(name)), asked))
    if asked and not any(pushes is not None for pushes in read):
        raise SlipwayError(
            f"not one of {len(asked)} repositories can be read; see the warnings above. Check connection "
            "slipway_github."
        )
    there = [push for pushes in read for push in pushes or ()]
    known = ask_pushes(push.partition_key for push in there)
    missing = [push for push in there if not is_known(push, known)]
    log.info(
        "%d refs of %d repositories, %d of them point to commits with no recorded push",
        len(there),
        len(asked),
        len(missing),
    )
    found = [push for name in asked for push in _young(remote, name, missing, age)]
    if len(found) > most:
        log.warning(
            "%d pushes are missing; %d are registered now, the others in the next run", len(found), most
        )
    return found[:most]


def is_known(push: PushEvent, known: Mapping[str, KnownPush]) -> bool:
    """Say whether a push is recorded, for the same ref."""
    found = known.get(push.partition_key)
    return found is not None and push.ref in found.refs


def still_missing(push: PushEvent) -> PushEvent:
    """Return the push as it is to be registered: it counts as pushed now.

    :raises NothingToDo: when it came meanwhile, or the ref points elsewhere by now.
    """
    if is_known(push, ask_pushes([push.partition_key])):
        raise NothingToDo(f"{push.partition_key} has arrived meanwhile")
    at = datetime.now(UTC)  # before the look: what is pushed after it is newer
    newest = find_commit(GithubHook().get_conn(), push.repository, push.ref)
    if newest != push.commit:
        raise NothingToDo(f"{push.ref} now points to {newest[:12]}: the next run checks that")
    return push.model_copy(update={"at": at})


def _pushes(remote: Remote, repository: str, application: Application) -> list[PushEvent] | None:
    """Return what the refs point to that an environment takes; None when the repository cannot be read."""
    try:
        refs = list_refs(remote, repository)
    except SlipwayError as error:
        log.warning("%s is skipped: %s", repository, error)
        return None
    return [
        PushEvent(repository=repository, ref=ref, commit=commit, pusher="reconcile_pushes")
        for ref, commit in refs.items()
        if application.environment_for(ref) is not None
    ]


def _young(remote: Remote, repository: str, missing: Sequence[PushEvent], age: timedelta) -> list[PushEvent]:
    """Return a repository's pushes whose commits are young enough; the others are logged."""
    # Branches first, then tags, those of the highest versions first: what is newest in most repositories.
    own = sorted(
        (one for one in missing if one.repository == repository), key=lambda one: one.ref, reverse=True
    )
    own.sort(key=lambda one: one.ref.startswith("refs/tags/"))
    if not own:
        return []
    looked_at, others = own[:LOOKED_AT], own[LOOKED_AT:]
    if others:
        log.info("%s: %d more refs are not checked", repository, len(others))
    try:
        made = list_times(remote, repository, [push.commit for push in looked_at])
    except SlipwayError as error:
        log.warning("%s is skipped: %s", repository, error)
        return []
    since = datetime.now(UTC) - age
    for push in looked_at:
        state = (
            "is missing"
            if made[push.commit] >= since
            else f"is skipped, its commit is of {made[push.commit]:%Y-%m-%d}"
        )
        log.info("%s %s: %s %s", repository, push.ref, push.short_commit, state)
    return [push for push in looked_at if made[push.commit] >= since]
