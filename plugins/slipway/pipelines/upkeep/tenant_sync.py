"""The tasks of ``tenant_sync``: Keystone and the policy, onto the cluster and into the ABAC file."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slipway.config import load_policy
from slipway.flow.kubernetes.objects import Json
from slipway.flow.tenancy import abac
from slipway.flow.tenancy.difference import (
    Changes,
    difference,
    require_plausible,
    require_plausible_changes,
)
from slipway.flow.tenancy.directory import Directory, require_whole
from slipway.flow.tenancy.policy import Policy
from slipway.flow.tenancy.wanted import wanted
from slipway.kubernetes.tenancy import abac_file
from slipway.kubernetes.tenancy.cluster import connected, namespaces
from slipway.openstack.keystone.hook import KeystoneHook
from slipway.openstack.keystone.quotas import read_quotas
from slipway.openstack.keystone.reader import read_directory
from slipway.pipelines.task_endings import NothingToDo

log = logging.getLogger(__name__)

SHOWN = 500
"""Lines of a difference that are logged."""


@dataclass(frozen=True)
class TenancyChanges:
    """The changes that a run would make."""

    policy: Policy
    live: list[Json]
    changes: Changes
    abac_text: str | None
    rewriting: abac_file.Rewriting | None

    def __bool__(self) -> bool:
        """Say whether it would change anything."""
        return bool(self.changes or self.rewriting)

    def summary(self) -> dict[str, int]:
        """Return figures."""
        lines = self.changes.lines
        found = {name: sum(line[0] == mark for line in lines) for name, mark in _MARKS.items()}
        if self.rewriting is not None:
            found |= {"abac_added": len(self.rewriting.added), "abac_removed": len(self.rewriting.removed)}
        return found


_MARKS = {"made": "+", "changed": "~", "removed": "-"}


def plan(*, let_go: bool) -> TenancyChanges:
    """Read Keystone and the cluster, and log the difference, line by line.

    :param let_go: believe Keystone, whatever would be removed.
    :raises ImplausibleError: when Keystone is not believed; nothing was changed.
    :raises SlipwayError: when something cannot be read; nothing was changed.
    """
    policy = load_policy()
    with KeystoneHook().get_conn() as cloud:
        directory = read_directory(cloud.session, cloud.auth["auth_url"])
        require_whole(directory)
        tenants = [one.id for one in directory.projects.values() if _is_tenant(directory, policy, one.id)]
        quotas = read_quotas(cloud, tenants) if policy.quotas else {}
    live = asyncio.run(_read(policy))
    want = wanted(directory, policy, namespaces(live, policy.name), quotas)
    changes = difference(want, live, policy, datetime.now(UTC))
    text = rewriting = None
    if policy.abac is not None:
        text = abac.render(want.grants, discovery=policy.abac.discovery)
        abac.check(text)
        rewriting = abac_file.compare(abac_file.read(Path(policy.abac.path)), text)
    found = TenancyChanges(policy, live, changes, text, rewriting)
    _log(found, want.notes)
    if not let_go:
        require_plausible_changes(policy.guard, changes, live, policy)
        if rewriting is not None:
            removed = len(rewriting.removed)
            require_plausible(policy.guard, rewriting.before, removed, "lines of the ABAC policy file")
    return found


def bring_about(made: TenancyChanges) -> None:
    """Do what a plan says. A run that dies on the way is finished by the next one."""
    if made.changes:
        asyncio.run(_make(made.changes))
    if made.rewriting and made.policy.abac is not None:
        assert made.abac_text is not None
        abac_file.write(Path(made.policy.abac.path), made.abac_text)
        log.info("%s is written; kube-apiserver reads it at its next start", made.policy.abac.path)


def require_work(summary: dict[str, int], *, dry_run: bool) -> None:
    """End a run that has nothing to do, or is not to do it.

    :raises NothingToDo: saying why.
    """
    if not any(summary.values()):
        raise NothingToDo("the cluster matches Keystone and the policy")
    if dry_run:
        raise NothingToDo("dry run: nothing was changed")


def _is_tenant(directory: Directory, policy: Policy, project_id: str) -> bool:
    project = directory.projects[project_id]
    domain = directory.domains.get(project.domain_id)
    return domain is not None and policy.takes(domain.name, project.name) and directory.is_enabled(project)


def _log(found: TenancyChanges, notes: list[str]) -> None:
    for note in notes:
        log.warning("%s", note)
    lines = list(found.changes.lines)
    if found.rewriting is not None and found.policy.abac is not None:
        lines += [f"- {found.policy.abac.path}: {line}" for line in found.rewriting.removed]
        lines += [f"+ {found.policy.abac.path}: {line}" for line in found.rewriting.added if line]
    for line in lines[:SHOWN]:
        log.info("%s", line)
    if len(lines) > SHOWN:
        log.info("and %d more", len(lines) - SHOWN)
    if not found:
        log.info("nothing to do: the cluster matches Keystone and the policy")


async def _read(policy: Policy) -> list[Json]:
    async with connected() as cluster:
        return await cluster.read(policy.name)


async def _make(changes: Changes) -> None:
    async with connected() as cluster:
        await cluster.make(changes)
