"""Says in Artifactory that an image went on to another environment.

https://jfrog.com/help/r/jfrog-rest-apis/build-promotion
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from slipway.artifactory.catalogue import TIMEOUT_SECONDS, Catalogue
from slipway.artifactory.errors import retried, told

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promotion:
    """What is recorded: the environment as the build's new status."""

    status: str
    comment: str
    user: str
    """Who promoted; Artifactory notes the login of the connection beside it."""


@retried
def promote(catalogue: Catalogue, name: str, number: str, promotion: Promotion) -> bool:
    """Give a build its new status, unless it has just that; nothing is copied or moved.

    :returns: False when Artifactory has no such build.
    :raises ArtifactoryError: when the login may not.
    """
    place = f"{quote(name, safe='')}/{quote(number, safe='')}"
    with told(f"build-info {name} {number}"):
        found = requests.get(
            f"{catalogue.url}/api/build/{place}", auth=catalogue.auth, timeout=TIMEOUT_SECONDS
        )
        if found.status_code == requests.codes.not_found:
            return False
        found.raise_for_status()
        known = found.json()["buildInfo"].get("statuses") or []
        if any(
            (one.get("status"), one.get("comment")) == (promotion.status, promotion.comment) for one in known
        ):
            return True  # by a try before this one
        answer = requests.post(
            f"{catalogue.url}/api/build/promote/{place}",
            json=_request(promotion),
            auth=catalogue.auth,
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
    return True


def _request(promotion: Promotion) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "status": promotion.status,
        "comment": promotion.comment,
        "ciUser": promotion.user,
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}+0000",
        "dryRun": False,
        "copy": False,
        "artifacts": True,
        "dependencies": False,
        "failFast": True,
    }
