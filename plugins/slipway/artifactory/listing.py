"""Lists a folder of Artifactory in one request: files with their times and properties.

https://jfrog.com/help/r/jfrog-rest-apis/artifactory-query-language
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.errors import retried, told

SHOWN = "repo", "path", "name", "size", "sha256", "created", "modified", "property"


@dataclass(frozen=True)
class Listed:
    """A file."""

    path: str
    """``KEY/FOLDER/FILE``."""
    digest: str
    size: int
    at: datetime
    """When it came, or was written last."""
    properties: Mapping[str, str]
    """The first value of each."""


@retried
def list_below(catalogue: Catalogue, repository: str, folder: str) -> list[Listed]:
    """Return the files below a folder, however deep.

    :param repository: its key.
    """
    asked = {"repo": repository, "type": "file", "path": {"$match": f"{folder}/*"}}
    include = f".include({', '.join(json.dumps(name) for name in SHOWN)})"
    with told(f"the list of {repository}/{folder}"):
        found = catalogue.at("").aql("items.find", asked, include)
    return [_listed(one) for one in found]


def _listed(found: Mapping[str, Any]) -> Listed:
    properties: dict[str, str] = {}
    for one in found.get("properties", ()):
        properties.setdefault(one["key"], str(one.get("value", "")))
    times = (datetime.fromisoformat(found[name]) for name in ("created", "modified"))
    return Listed(
        path=f"{found['repo']}/{found['path']}/{found['name']}",
        digest=f"sha256:{found['sha256']}",
        size=int(found["size"]),
        at=max(times),
        properties=properties,
    )
