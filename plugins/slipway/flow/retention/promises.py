"""The releases that must stay restorable: the last good ones of each environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from slipway.flow.apps import Apps
from slipway.flow.environments import Retention
from slipway.flow.record import Record

Promises = Mapping[tuple[str, str], str]
"""Why a commit's images are kept, by repository (in lower case) and commit."""


class RetentionRule(Record):
    """How many of the last releases of an environment stay, and all since when."""

    good: int = Field(ge=0)
    since: AwareDatetime


class RulesOf(Record):
    """The rules of an application."""

    names: tuple[str, ...] = Field(min_length=1)
    """All that its repository has had, the present one last."""
    environments: dict[str, RetentionRule]
    others: RetentionRule
    """Of environments that ``apps.yaml`` no longer has."""


class KeptPlace(Record):
    """The releases of one environment that must stay."""

    repository: str
    """Its present name."""
    environment: str
    last: tuple[str, ...]
    """The commits of those that a rollback may be asked for."""
    recent: dict[str, AwareDatetime] = {}
    """When those came last that came a short while ago, by their commits."""


def rules(apps: Apps, now: datetime) -> list[RulesOf]:
    """Return the rules of every application."""
    return [
        RulesOf(
            names=apps.names_of(name) or (name,),
            environments={
                environment: _rule(application.retention_of(environment), now)
                for environment in application.environments
            },
            others=_rule(application.retention, now),
        )
        for name, application in apps.applications.items()
    ]


def promises(kept: Iterable[KeptPlace], apps: Apps) -> Promises:
    """Return which commits an application's environments may need."""
    found: dict[tuple[str, str], str] = {}
    for place in kept:
        if (application := apps.find(place.repository)) is None:
            continue
        good = application.retention_of(place.environment).good
        reasons = {
            commit: f"released {at:%Y-%m-%d} in {place.environment}" for commit, at in place.recent.items()
        }
        reasons |= dict.fromkeys(place.last, f"one of the last {good} releases of {place.environment}")
        for commit, reason in reasons.items():
            found.setdefault((place.repository.casefold(), commit), reason)
    return found


def _rule(policy: Retention, now: datetime) -> RetentionRule:
    return RetentionRule(good=policy.good, since=now - timedelta(days=policy.days))
