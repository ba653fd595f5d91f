"""Slipway's metadata of a server: its application, its run and its purpose.

https://docs.openstack.org/api-ref/compute/#server-metadata-servers-metadata (a value has 255 characters)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.spec import ServerHealth
from slipway.flow.property_keys import CloudKey

TAG = "slipway"
Metadata = dict[str, str]


@dataclass(frozen=True)
class Claim:
    """The run that wants a server, and the push it is for."""

    run: str
    commit: str
    at: datetime

    def to_metadata(self) -> Metadata:
        """Return the keys of metadata."""
        return {
            CloudKey.RUN: self.run,
            CloudKey.COMMIT: self.commit,
            CloudKey.PUSHED_AT: self.at.isoformat(),
        }


@dataclass(frozen=True)
class KeptRelease:
    """A release that was kept."""

    claim: Claim
    since: datetime

    @classmethod
    def read(cls, metadata: Mapping[str, str], prefix: str) -> Self | None:
        """Return what is written under ``prefix``; None when nothing is."""
        if not metadata.get(f"{prefix}_run"):
            return None
        at, since = (datetime.fromisoformat(metadata[f"{prefix}_{key}"]) for key in ("at", "since"))
        return cls(Claim(metadata[f"{prefix}_run"], metadata[f"{prefix}_commit"], at), since)


def written(kept: KeptRelease | None, prefix: str) -> Metadata:
    """Return the keys of metadata under ``prefix``: empty for None."""
    return {
        f"{prefix}_run": kept.claim.run if kept else "",
        f"{prefix}_commit": kept.claim.commit if kept else "",
        f"{prefix}_at": kept.claim.at.isoformat() if kept else "",
        f"{prefix}_since": kept.since.isoformat() if kept else "",
    }


@dataclass(frozen=True)
class Mark:
    """All of it."""

    deployment: str
    version: str
    index: int
    digest: str
    """Of the image."""
    claim: Claim
    kept: KeptRelease | None = None
    before: KeptRelease | None = None
    """For which release the same server was kept before."""
    floating_ip: str = ""
    traffic: str = ""
    """The :data:`slipway.flow.nova.traffic.Place` that leads to it, as text."""
    health: str = ""

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> Self | None:
        """Return the mark; None when the server is not one of Slipway's."""
        try:
            at = datetime.fromisoformat(metadata[CloudKey.PUSHED_AT])
            return cls(
                deployment=metadata[CloudKey.DEPLOYMENT],
                version=metadata[CloudKey.VERSION],
                index=int(metadata[CloudKey.INDEX]),
                digest=metadata[CloudKey.IMAGE],
                claim=Claim(metadata[CloudKey.RUN], metadata[CloudKey.COMMIT], at),
                kept=KeptRelease.read(metadata, CloudKey.KEPT),
                before=KeptRelease.read(metadata, CloudKey.BEFORE),
                floating_ip=metadata.get(CloudKey.FLOATING_IP, ""),
                traffic=metadata.get(CloudKey.TRAFFIC, ""),
                health=metadata.get(CloudKey.HEALTH, ""),
            )
        except (KeyError, ValueError):
            return None


def claim_of(plan: NovaPlan, run: str) -> Claim:
    """Return what ``run`` writes on the servers it wants."""
    return Claim(run, plan.push.commit, plan.push.at)


def new_metadata(plan: NovaPlan, run: str, index: int) -> Metadata:
    """Return a new server's metadata."""
    return {
        **plan.nova.metadata,
        CloudKey.APPLICATION: plan.application,
        CloudKey.ENVIRONMENT: plan.environment,
        CloudKey.REPOSITORY: plan.push.repository,
        CloudKey.DEPLOYMENT: plan.deployment,
        CloudKey.VERSION: plan.version,
        CloudKey.INDEX: str(index),
        CloudKey.IMAGE: plan.image.digest,
        CloudKey.NETWORK: plan.label,
        **claim_of(plan, run).to_metadata(),
        **how(plan, index),
    }


def how(plan: NovaPlan, index: int) -> Metadata:
    """Return how a server is switched to and asked: what going back to it needs."""
    health = plan.nova.health
    return {
        CloudKey.FLOATING_IP: plan.floating_ip(index),
        CloudKey.TRAFFIC: str(plan.traffic) if plan.traffic else "",
        CloudKey.HEALTH: f"{health.port} {health.status} {health.path or ''}".strip() if health else "",
    }


def read_health(text: str, within_seconds: int) -> ServerHealth | None:
    """Return what :func:`how` wrote."""
    if not text:
        return None
    port, status, *path = text.split(" ")
    return ServerHealth(
        port=int(port), status=int(status), path=path[0] if path else None, within_seconds=within_seconds
    )
