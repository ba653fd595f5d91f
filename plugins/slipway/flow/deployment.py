"""A deployment: what runs where, from which release, and what it replaced."""

from __future__ import annotations

from pydantic import AwareDatetime

from slipway.flow.image import Image
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.record import Digest, Name, Record


class Deployment(Record):
    """One platform of one environment after a rollout."""

    push: PushEvent
    application: Name
    environment: Name
    platform: Platform
    image: Image
    where: str
    """The object that runs it, as its platform names it: ``namespace/deployment/name``."""
    url: str = ""
    """Where it answers, when it does."""
    replaced: Digest | None = None
    """The digest that ran before; None for a first deployment."""
    since: AwareDatetime
